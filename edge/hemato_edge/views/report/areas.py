"""Counts in relation to the area of slide that was looked at: per field of view, per red cell, and per litre."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hemato_edge.counting.density import Density, density, per_1000, union_area
from hemato_edge.counting.intervals import poisson
from hemato_edge.labels import KINDS
from hemato_edge.views.report.figure import Figure
from hemato_edge.views.report.model import DensityEstimate, Estimates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hemato_edge.store.records import FieldRecord

DIGITS = 6
"""Decimals of a figure in data. People are shown fewer: so many more that rounding twice does no harm."""


def areas_of(fields: Sequence[FieldRecord], tallies: Mapping[str, int]) -> dict[str, float]:
    """The area of slide on which cells of each kind were counted, each place once, square pixels.

    A kind is counted where its cells are seen whole, see `counting.coverage`, which keeps these areas of a moving stage
    in the tallies. Pictures from files are counted to their edges. A session from before the tallies were kept is given
    the union of its fields.
    """
    alone = sum(_slide_px2(field) for field in fields if field.region is None)
    tracked = {kind: tallies.get(f"area_px2:{kind}") for kind in KINDS}
    union = _union(fields) if None in tracked.values() else 0.0
    return {kind: alone + (union if area is None else area) for kind, area in tracked.items()}


def per_field(
    counts: Mapping[str, int], fields: Sequence[FieldRecord], areas: Mapping[str, float]
) -> dict[str, Figure | None]:
    """Cells of each kind in one field of view, with Poisson intervals; None without area."""
    if not fields:
        return dict.fromkeys(KINDS)
    view = _slide_px2(fields[-1])
    return {
        kind: None if areas[kind] <= 0 else figure(*(view * end / areas[kind] for end in _counted(counts[kind])))
        for kind in KINDS
    }


def white_per_1000_red(counts: Mapping[str, int], areas: Mapping[str, float]) -> Figure | None:
    """White cells per 1,000 red cells, each over its own area; None without red cells."""
    return cells_per_1000_red("wbc", counts, areas)


def cells_per_1000_red(kind: str, counts: Mapping[str, int], areas: Mapping[str, float]) -> Figure | None:
    """Cells of a kind per 1,000 red cells, see `density.per_1000`; None without red cells.

    ci_high is None where it has no end.
    """
    if min(areas[kind], areas["rbc"]) <= 0:
        return None
    ends = per_1000(counts[kind], counts["rbc"], areas["rbc"] / areas[kind])
    if ends is None:
        return None
    low, value, high = ends
    end = None if math.isinf(high) else round(high, DIGITS)
    return Figure(ci_low=round(low, DIGITS), value=round(value, DIGITS), ci_high=end)


def estimates_of(
    counts: Mapping[str, int],
    areas: Mapping[str, float],
    um_per_px: float,
    uncertainty: float,
    factors: Mapping[str, float],
) -> Estimates:
    """Densities of white cells and platelets.

    Args:
        counts: unique cells by kind.
        areas: from `areas_of`.
        um_per_px: micrometres a pixel.
        uncertainty: half the 95 % interval of that.
        factors: 10^9 per litre of blood for one cell per square millimetre, by kind; a kind without one is None.
    """
    to_mm2 = (um_per_px / 1000) ** 2
    spread = 2 * uncertainty / um_per_px  # an area goes with the square of the scale
    made = {
        kind: density(counts[kind], areas[kind] * to_mm2, factors[kind]) if kind in factors and areas[kind] else None
        for kind in ("wbc", "platelet")
    }
    return Estimates(
        um_per_px=um_per_px,
        um_per_px_uncertainty=uncertainty,
        area_mm2=round(areas["wbc"] * to_mm2, DIGITS),
        white=_widened_estimate(made["wbc"], spread),
        platelet=_widened_estimate(made["platelet"], spread),
    )


def widened(ends: tuple[float, float, float], spread: float) -> tuple[float, float, float]:
    """(low, value, high) with a further relative uncertainty, half of its 95 % interval, added in quadrature.

    The logarithms of the ends are taken, since a factor is what is uncertain; nought stays nought.
    """
    low, value, high = ends
    if value <= 0:
        return low, value, high * math.exp(spread)
    down = math.inf if low <= 0 else math.hypot(math.log(value / low), spread)
    return value * math.exp(-down), value, value * math.exp(math.hypot(math.log(high / value), spread))


def _slide_px2(field: FieldRecord) -> float:
    """The area of slide in a field, square pixels: all of it, or what its mask left."""
    share = field.quality.get("slide_share")
    return field.width * field.height * (1.0 if share is None else share)


def _union(fields: Iterable[FieldRecord]) -> float:
    regions: dict[int, list[tuple[float, float, float, float]]] = {}
    for field in fields:
        if field.region is not None and field.x_px is not None and field.y_px is not None:
            box = (field.x_px, field.y_px, field.x_px + field.width, field.y_px + field.height)
            regions.setdefault(field.region, []).append(box)
    return sum(map(union_area, regions.values()))


def _counted(count: int) -> tuple[float, float, float]:
    low, high = poisson(count)
    return low, float(count), high


def _widened_estimate(made: Density | None, spread: float) -> DensityEstimate | None:
    if made is None:
        return None
    per_mm2, e9_per_l = (figure(*widened(ends, spread)) for ends in (made.per_mm2, made.e9_per_l))
    return DensityEstimate(made.count, per_mm2, e9_per_l)


def figure(low: float, value: float, high: float) -> Figure:
    """A figure rounded to `DIGITS`."""
    return Figure(round(low, DIGITS), round(value, DIGITS), round(high, DIGITS))
