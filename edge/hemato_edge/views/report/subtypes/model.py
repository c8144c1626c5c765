"""What a report holds of the level below the classes."""

from __future__ import annotations

from dataclasses import dataclass

from hemato_edge.views.report.figure import Figure  # noqa: TC001 - the page's JSON Schemas are made from annotations


@dataclass(frozen=True, slots=True)
class SubtypeFigure:
    """One value of a level below a class; see `counting.subtypes`.

    Attributes:
        value: such as "band".
        cells: told to be it.
        percent: of the told cells; None where none was told.
        mistaken_percent: of held-out cells of other values that were told, those told to be this one.
    """

    value: str
    cells: int
    percent: Figure | None
    mistaken_percent: float


@dataclass(frozen=True, slots=True)
class SubtypeFigures:
    """A level below a class.

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
    shares: tuple[SubtypeFigure, ...]
