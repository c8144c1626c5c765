"""Shapes of a session's red cells: the share of each, graded, or why it is not assessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.counting.red_cells.by_field import bins_by_field, percent_of, together
from hemato_edge.counting.red_cells.grades import grade_of
from hemato_edge.store.recorded_settings import setting

if TYPE_CHECKING:
    from collections import Counter

    from hemato_edge.counting.red_cells.sizes import End

SECTION, NAME, DIGEST, RELIABLE, ABSENT = "red_cell_shapes", "name", "sha256", "reliable", "absent"
"""Section of a session's settings about the head that named shapes, and its keys: what is told, shape → percent of
healthy donors' cells that are named so; and shapes that it never learnt."""
TALLY = "red_cell_shape:"
"""What the names of the counts begin with in the record; see `by_field.tally_name`. The number is that of the shape."""
NORMAL = "normal"
SHAPES = (NORMAL, "ovalocyte", "stomatocyte", "spherocyte", "target_cell", "teardrop_cell", "schistocyte")
"""By number, which never changes: the record holds it. Ovalocytes and elliptocytes are one; so are normal, large, small
and pale round cells."""
UNNAMED = 99
"""The number of cells without a name."""
LEAST_CELLS = 200
"""Named cells below which no share is told: with 200, one of 5 % is known to 3 %."""
LEAST_NAMED = 0.7
"""With a smaller share of cells that have a name, none is told: they look unlike those that were learnt."""
FEW_CELLS, UNLIKE, UNRELIABLE = "few_cells", "unlike", "unreliable"
"""Why shapes, or one of them, are not assessed."""


@dataclass(frozen=True, slots=True)
class ShapeShare:
    """One shape.

    Attributes:
        shape: of `SHAPES`.
        cells: named so.
        percent: of the named cells, (low, value, high) with the 95 % interval; None where it is not assessed.
        healthy_percent: of the cells of healthy donors, those that are named so by mistake.
        grade: after ICSH 2015, of what the low end has beyond that; None below any.
    """

    shape: str
    cells: int
    percent: End | None
    healthy_percent: float
    grade: str | None


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes of a session.

    Attributes:
        cells: red cells that were looked at.
        named: of them, those with a name.
        shares: of all shapes but the normal one.
        not_assessed: why none is told, `FEW_CELLS` or `UNLIKE`; None where some are.
    """

    cells: int
    named: int
    shares: tuple[ShapeShare, ...]
    not_assessed: str | None


def told_shapes(settings: Mapping[str, object]) -> dict[str, float]:
    """Shape that a session's head told → percent of healthy donors' cells that it names so, by its settings."""
    found = setting(settings, f"{SECTION}.{RELIABLE}")
    return {str(name): float(share) for name, share in found.items()} if isinstance(found, Mapping) else {}


def shape_shares(tallies: Mapping[str, int], reliable: Mapping[str, float]) -> Shapes | None:
    """The shapes that the tallies of a session hold; None where none was looked for.

    Args:
        tallies: of the session.
        reliable: shape that the head tells reliably → percent of healthy donors' cells that it names so.
    """
    fields = bins_by_field(tallies, TALLY)
    whole = together(fields)
    cells, named = whole.total(), whole.total() - whole[UNNAMED]
    if not cells:
        return None
    unlike = cells >= LEAST_CELLS and named < LEAST_NAMED * cells
    why = UNLIKE if unlike else FEW_CELLS if named < LEAST_CELLS else None
    shares = tuple(
        _share(number, whole[number], fields, reliable.get(shape) if why is None else None)
        for number, shape in enumerate(SHAPES)
        if shape != NORMAL
    )
    return Shapes(cells, named, shares, why)


def _share(number: int, cells: int, fields: list[Counter[int]], healthy: float | None) -> ShapeShare:
    """One shape; `healthy` None: it is not assessed."""
    if healthy is None:
        return ShapeShare(SHAPES[number], cells, None, 0.0, None)
    percent = percent_of([(one.total() - one[UNNAMED], one[number]) for one in fields])
    grade = grade_of(SHAPES[number], percent[0] - healthy)
    return ShapeShare(SHAPES[number], cells, percent, healthy, grade)
