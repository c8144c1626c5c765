"""The level below the classes in a session: band and segmented neutrophils, stages of immature granulocytes.

A share is of the cells that were told apart, with the exact interval of a binomial share (Clopper and Pearson 1934).
Beside it stands how often the model takes another cell for this one: of few true ones most may be such mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.morphology import SUBTYPES

if TYPE_CHECKING:
    from hemato_edge.counting.red_cells.sizes import End

SECTION = "subtypes"
"""Section of a session's settings about what its model tells apart: level → held-out cells as in the model's card."""


@dataclass(frozen=True, slots=True)
class SubtypeShare:
    """One value of a level.

    Attributes:
        value: such as "band".
        cells: told to be it.
        percent: of the told cells, (low, value, high) with the 95 % interval; None where none was told.
        mistaken_percent: of held-out cells of other values that were told, those told to be this one.
    """

    value: str
    cells: int
    percent: End | None
    mistaken_percent: float


@dataclass(frozen=True, slots=True)
class Subtypes:
    """A level of a session.

    Attributes:
        name: of `morphology.SUBTYPES`.
        label: the class.
        cells: that count as it.
        told: of them, told apart.
        shares: one a value, youngest first.
    """

    name: str
    label: str
    cells: int
    told: int
    shares: tuple[SubtypeShare, ...]


def subtypes_in(
    recorded: Mapping[str, object], described: Mapping[str, Mapping[str, Mapping[str, int]]], counts: Mapping[str, int]
) -> list[Subtypes]:
    """The levels that a session's model told, of classes that have a cell; none from a model without.

    Args:
        recorded: the session's `SECTION`.
        described: class → attribute → value → cells of which the model was sure of it.
        counts: class → cells that count as it.
    """
    found = []
    for name, (label, values) in SUBTYPES.items():
        table, cells = _table(recorded.get(name), len(values)), counts.get(label, 0)
        if table is None or not cells:
            continue
        told = [described.get(label, {}).get(name, {}).get(value, 0) for value in values]
        shares = tuple(
            SubtypeShare(value, count, _percent(count, sum(told)), _mistaken(table, place))
            for place, (value, count) in enumerate(zip(values, told, strict=True))
        )
        found.append(Subtypes(name, label, cells, sum(told), shares))
    return found


def _table(found: object, size: int) -> list[list[int]] | None:
    """Held-out cells by truth and answer, the last one "not told"; None where the record has no such table."""
    if not isinstance(found, Sequence) or len(found) != size:
        return None
    rows = [[int(count) for count in row] for row in found if isinstance(row, Sequence) and len(row) == size + 1]
    return rows if len(rows) == size else None


def _percent(count: int, told: int) -> End | None:
    if not told:
        return None
    low, high = clopper_pearson(count, told)
    return 100 * low, 100 * count / told, 100 * high


def _mistaken(table: list[list[int]], place: int) -> float:
    others = [row for truth, row in enumerate(table) if truth != place]
    told = sum(sum(row[:-1]) for row in others)
    return 100 * sum(row[place] for row in others) / told if told else 0.0
