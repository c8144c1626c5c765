"""What the table of counts holds of red cells and platelets: the figures of a report, a source at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.archives.columns import NUMBER, TEXT, WHOLE, Column
from hemato_edge.counting.red_cells.grades import grade_of
from hemato_edge.counting.red_cells.pallor import HEALTHY_PERCENT, central_pallor
from hemato_edge.counting.red_cells.platelets import CLUMPED, GIANT
from hemato_edge.counting.red_cells.shapes import NORMAL, SHAPES, shape_shares
from hemato_edge.counting.red_cells.sizes import red_cell_sizes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_edge.archives.columns import Row, Value
    from hemato_edge.counting.red_cells.sizes import End

ABNORMAL = tuple(shape for shape in SHAPES if shape != NORMAL)


def _figure(name: str, meaning: str) -> tuple[Column, ...]:
    """A figure and the ends of its 95 % interval."""
    ends = (Column(f"{name}_{end}", NUMBER, f"{end} end of its 95 % interval") for end in ("low", "high"))
    return (Column(name, NUMBER, meaning), *ends)


def _shape(shape: str) -> tuple[Column, ...]:
    name = shape.replace("_", " ")
    share = _figure(f"rbc_{shape}_percent", f"{name}s among the named red cells; null where not assessed")
    return (*share, Column(f"rbc_{shape}_grade", TEXT, f"grade of {name}s after ICSH 2015; null below any"))


RED_CELLS: tuple[Column, ...] = (
    Column("rbc_measured", WHOLE, "free red cells that were measured; null where pictures are strangers to each other"),
    *_figure("rbc_diameter_px", "mean diameter of these, pixels; null below a hundred"),
    *_figure("rbc_diameter_cv_percent", "coefficient of variation of their diameters"),
    *_figure("rbc_hypochromic_percent", "hypochromic red cells; null where pallor is not assessed"),
    Column("rbc_hypochromia_grade", TEXT, "grade of hypochromia after ICSH 2015; null below any"),
    Column("rbc_named", WHOLE, "red cells whose shape has a name; null without a head for shapes"),
    *(column for shape in ABNORMAL for column in _shape(shape)),
    Column("platelet_giant", WHOLE, "platelets larger than a red cell"),
    Column("platelet_clumped", WHOLE, "platelets in clumps"),
)
"""All are null where no red cell was looked at."""


def red_cell_row(tallies: Mapping[str, int], reliable: Mapping[str, float]) -> Row:
    """The values of `RED_CELLS` for a source.

    Args:
        tallies: of its red cells and platelets, see `pipeline.red_cell_survey`.
        reliable: shape that the head tells reliably → percent of healthy donors' cells that it names so.
    """
    sizes, pallor, shapes = red_cell_sizes(tallies), central_pallor(tallies), shape_shares(tallies, reliable)
    pale = None if pallor is None else pallor.hypochromic_percent
    named = {} if shapes is None else {share.shape: share for share in shapes.shares}
    of_shapes: list[Value] = []
    for share in map(named.get, ABNORMAL):
        of_shapes += (None,) * 4 if share is None else (*_ends(share.percent), share.grade)
    return (
        None if pallor is None else pallor.cells,
        *_ends(None if sizes is None else sizes.mean_px),
        *_ends(None if sizes is None else sizes.spread_percent),
        *_ends(pale),
        None if pale is None else grade_of("hypochromia", pale[0] - HEALTHY_PERCENT),
        None if shapes is None else shapes.named,
        *of_shapes,
        None if pallor is None else tallies.get(GIANT, 0),
        None if pallor is None else tallies.get(CLUMPED, 0),
    )


def _ends(end: End | None) -> tuple[float | None, float | None, float | None]:
    """Value, low end and high end."""
    return (None, None, None) if end is None else (end[1], end[0], end[2])
