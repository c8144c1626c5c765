"""What a report holds of red cells and platelets."""

from __future__ import annotations

from dataclasses import dataclass, field

from hemato_edge.views.report.figure import Figure  # noqa: TC001 - the page's JSON Schemas are made from annotations


@dataclass(frozen=True, slots=True)
class RedCellDiameters:
    """Diameters of the red cells that stand free; see `counting.red_cells.sizes`.

    Attributes:
        cells: how many were measured.
        left_out: further ones, too far from the median to be single red cells.
        mean_px: mean, pixels.
        mean_um: mean, micrometres, the scale's uncertainty in its interval; None without a scale.
        spread_percent: coefficient of variation.
        fields: in how many fields they lie.
        not_measured: why others were not measured → cells.
        quantiles: percent of the cells → diameter up to which they reach, by the median diameter.
        normal_spread_percent: what the same method reads on smears of healthy donors.
        interval_of: "fields" or "cells": what the intervals say would have come out otherwise.
    """

    cells: int
    left_out: int
    mean_px: Figure
    mean_um: Figure | None
    spread_percent: Figure
    fields: int
    not_measured: dict[str, int]
    quantiles: dict[str, float]
    normal_spread_percent: float
    interval_of: str


@dataclass(frozen=True, slots=True)
class Pallor:
    """Central pallor; see `counting.red_cells.pallor`.

    Attributes:
        cells: how many were looked at.
        seen_percent: of them, how many show a pale middle.
        diameter_percent: its median diameter by the cell's, None where it is not assessed.
        hypochromic_percent: share of the cells, None where it is not assessed.
        grade: after ICSH 2015, of hypochromia; None: below any, or not assessed.
        not_assessed: why not; None where it is.
    """

    cells: int
    seen_percent: float
    diameter_percent: float | None
    hypochromic_percent: Figure | None
    grade: str | None
    not_assessed: str | None


@dataclass(frozen=True, slots=True)
class OilFields:
    """The estimate by oil-immersion fields; see `counting.red_cells.platelets`.

    Attributes:
        per_field: platelets in one such field.
        e9_per_l: 10^9 per litre; its interval reaches from the lesser factor's to the greater one's.
        factors: 10^9 per litre for one platelet in such a field.
        field_mm2: its area.
    """

    per_field: Figure
    e9_per_l: Figure
    factors: tuple[float, float]
    field_mm2: float


@dataclass(frozen=True, slots=True)
class Platelets:
    """Platelets beside red cells; see `counting.red_cells.platelets`.

    Attributes:
        per_1000_red: None without red cells.
        red_count_e12_per_l: the red-cell count that was given, or None.
        by_red_count_e9_per_l: the estimate from it, or None.
        oil_fields: the estimate by oil-immersion fields; None without a scale.
        seen: platelets that were looked at one by one.
        giant: of them, larger than a red cell.
        clumped: of them, in clumps.
        clumps: whether these are so many that counts of platelets are too low; None where too few were looked at.
    """

    per_1000_red: Figure | None
    red_count_e12_per_l: float | None = None
    by_red_count_e9_per_l: Figure | None = None
    oil_fields: OilFields | None = None
    seen: int = 0
    giant: int = 0
    clumped: int = 0
    clumps: bool | None = None


@dataclass(frozen=True, slots=True)
class RedCellShape:
    """One shape; see `counting.red_cells.shapes`.

    Attributes:
        shape: of `shapes.SHAPES`, or one that the head never learnt.
        percent: of the cells with a name; None where it is not assessed.
        healthy_percent: of healthy donors' cells, those that are named so by mistake.
        grade: after ICSH 2015; None: below any, or not assessed.
    """

    shape: str
    percent: Figure | None = None
    healthy_percent: float | None = None
    grade: str | None = None


@dataclass(frozen=True, slots=True)
class RedCellShapes:
    """Shapes of red cells.

    Attributes:
        head: name and SHA-256 of what named them.
        cells: looked at.
        named: of them, with a name.
        shapes: one each, the abnormal ones.
        not_assessed: why none is told; None where some are.
    """

    head: str
    cells: int
    named: int
    shapes: tuple[RedCellShape, ...]
    not_assessed: str | None


@dataclass(frozen=True, slots=True)
class RedCellMorphology:
    """All of it but the diameters.

    Attributes:
        free: red cells that were measured so far, also where they are too few to say anything.
        pallor: None where none was looked for.
        shapes: None where nobody named them.
    """

    free: int = 0
    pallor: Pallor | None = None
    platelets: Platelets = field(default_factory=lambda: Platelets(None))
    shapes: RedCellShapes | None = None
