"""The distribution of red-cell diameters of a session, the Price-Jones curve: counted in bins, then mean and spread.

The bins are even in the logarithm, one percent wide, so that they suit any magnification; the record keeps them.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.counting.red_cells.by_field import LEAST_FIELDS, added, around, bins_by_field, resampled, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_edge.counting.red_cells.by_field import Sums

TALLY = "red_cell_size:"
"""What the names of the bins begin with in the record; see `by_field.tally_name`."""
LEFT_OUT = "red_cells_left_out:"
"""What the names begin with that count red cells that were not measured; the reason follows."""
LEAST_CELLS = 100
"""Below, nothing is said of sizes: Price-Jones measured 500; with 100, the spread is known to a seventh of itself."""
NORMAL_SPREAD_PERCENT = 7.3
"""What this method reads on smears of healthy donors, within a picture (pbc, `benchmarks/red_cells.py`)."""
_BINS_A_UNIT = 100
_WIDEST = 30
"""Bins on either side of the median that are taken for single red cells: a third smaller or larger is none, or two."""
_Z = 1.96
_QUANTILES = (0.05, 0.25, 0.75, 0.95)
End = tuple[float, float, float]
"""Low end, value and high end of a 95 % interval."""


def bin_of(diameter_px: float) -> int:
    """The bin of a diameter, pixels."""
    return round(_BINS_A_UNIT * math.log(diameter_px))


@dataclass(frozen=True, slots=True)
class RedCellSizes:
    """Mean and spread of the diameters, each (low, value, high) with its 95 % interval.

    Attributes:
        cells: how many were measured, each once.
        fields: in how many fields.
        left_out: cells far from the median, in no figure: fragments, and two cells taken for one.
        not_measured: why others were not measured → cells.
        mean_px: mean diameter, pixels.
        spread_percent: coefficient of variation of the diameters. A red cell's volume varies by more: RDW is no such
            figure of diameters.
        quantiles: share of the cells → diameter up to which they reach, by the median diameter.
        by_field: whether the intervals are of the sampling of fields; else of cells.
    """

    cells: int
    fields: int
    left_out: int
    not_measured: dict[str, int]
    mean_px: End
    spread_percent: End
    quantiles: dict[float, float]
    by_field: bool


def red_cell_sizes(tallies: Mapping[str, int]) -> RedCellSizes | None:
    """The sizes that the tallies of a session hold; None for fewer than `LEAST_CELLS`."""
    fields = bins_by_field(tallies, TALLY)
    whole = together(fields)
    if whole.total() < LEAST_CELLS:
        return None
    middle = _quantile(whole, 0.5)
    near = [Counter({n: count for n, count in one.items() if abs(n - middle) <= _WIDEST}) for one in fields]
    near = [one for one in near if one]
    kept = together(near)
    mean, spread, by_field = _mean_and_spread(near)
    centre = _quantile(kept, 0.5)
    return RedCellSizes(
        cells=kept.total(),
        fields=len(near),
        left_out=whole.total() - kept.total(),
        not_measured={
            name.removeprefix(LEFT_OUT): count for name, count in tallies.items() if name.startswith(LEFT_OUT)
        },
        mean_px=mean,
        spread_percent=spread,
        quantiles={share: math.exp((_quantile(kept, share) - centre) / _BINS_A_UNIT) for share in _QUANTILES},
        by_field=by_field,
    )


def _mean_and_spread(fields: list[Counter[int]]) -> tuple[End, End, bool]:
    """Mean, pixels, and coefficient of variation, percent, and whether their intervals are of fields.

    The wider of two intervals stands: that of resampled fields, which few fields make too narrow, and that of cells.
    """
    sums = [_moments(one) for one in fields]
    total = added(sums)
    mean, spread = _figures(total)
    of_mean = _Z * spread * mean / math.sqrt(total[0])
    of_spread = _Z * spread / math.sqrt(2 * (total[0] - 1))  # of a normal distribution's deviation
    means, spreads = (mean - of_mean, mean + of_mean), (spread - of_spread, spread + of_spread)
    if by_field := len(fields) >= LEAST_FIELDS:
        drawn, last = [_figures(one) for one in resampled(sums)], len(fields) - 1
        means = _wider(means, around(mean, [one[0] for one in drawn], last))
        spreads = _wider(spreads, around(spread, [one[1] for one in drawn], last))
    return (means[0], mean, means[1]), (100 * spreads[0], 100 * spread, 100 * spreads[1]), by_field


def _moments(bins: Counter[int]) -> Sums:
    """Cells, and the sums of their diameters and of the squares of these, pixels."""
    sizes = [(math.exp(number / _BINS_A_UNIT), count) for number, count in bins.items()]
    return bins.total(), sum(size * count for size, count in sizes), sum(size**2 * count for size, count in sizes)


def _figures(sums: Sums) -> tuple[float, float]:
    """Mean and coefficient of variation from moments."""
    cells, first, second = sums
    mean = first / cells
    return mean, math.sqrt(max(second - cells * mean**2, 0.0) / (cells - 1)) / mean


def _wider(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return min(one[0], other[0]), max(one[1], other[1])


def _quantile(bins: Counter[int], share: float) -> float:
    """The bin below which a share of the cells lies, between neighbours in proportion."""
    numbers = sorted(bins.elements())
    place = share * (len(numbers) - 1)
    low = math.floor(place)
    return numbers[low] + (place - low) * (numbers[math.ceil(place)] - numbers[low])
