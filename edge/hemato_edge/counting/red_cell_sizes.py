"""The distribution of red-cell diameters of a session, the Price-Jones curve: counted in bins, then mean and spread.

The bins are even in the logarithm, one percent wide, so that they suit any magnification; the record keeps them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TALLY = "red_cell_size:"
"""What the names of the bins begin with in the record; the bin's number follows."""
LEAST_CELLS = 100
"""Below, nothing is said of sizes: Price-Jones measured 500; with 100, the spread is known to a seventh of itself."""
_BINS_A_UNIT = 100
_WIDEST = 30
"""Bins on either side of the median that are taken for single red cells: a third smaller or larger is none, or two."""
_Z = 1.96


def bin_of(diameter_px: float) -> int:
    """The bin of a diameter, pixels."""
    return round(_BINS_A_UNIT * math.log(diameter_px))


def tally_name(number: int) -> str:
    """The name of a bin in the record."""
    return f"{TALLY}{number}"


@dataclass(frozen=True, slots=True)
class RedCellSizes:
    """Mean and spread of the diameters, each (low, value, high) with its 95 % interval by sampling alone.

    Attributes:
        cells: how many were measured, each once.
        left_out: cells far from the median, in no figure: fragments, and two cells taken for one.
        mean_px: mean diameter, pixels.
        spread_percent: coefficient of variation of the diameters. A red cell's volume varies by more: RDW is no such
            figure of diameters.
    """

    cells: int
    left_out: int
    mean_px: tuple[float, float, float]
    spread_percent: tuple[float, float, float]


def red_cell_sizes(tallies: Mapping[str, int]) -> RedCellSizes | None:
    """The sizes that the tallies of a session hold; None for fewer than `LEAST_CELLS`."""
    bins = {int(name.removeprefix(TALLY)): count for name, count in tallies.items() if _is_bin(name)}
    if sum(bins.values()) < LEAST_CELLS:
        return None
    numbers = [number for number, count in bins.items() for _ in range(count)]
    middle = median(numbers)
    diameters = [math.exp(number / _BINS_A_UNIT) for number in numbers if abs(number - middle) <= _WIDEST]
    mean, deviation, cells = fmean(diameters), stdev(diameters), len(diameters)
    spread = deviation / mean
    of_mean = _Z * deviation / math.sqrt(cells)
    of_spread = _Z * spread / math.sqrt(2 * (cells - 1))  # of a normal distribution's deviation
    return RedCellSizes(
        cells=cells,
        left_out=len(numbers) - cells,
        mean_px=(mean - of_mean, mean, mean + of_mean),
        spread_percent=(100 * (spread - of_spread), 100 * spread, 100 * (spread + of_spread)),
    )


def _is_bin(name: str) -> bool:
    return name.startswith(TALLY) and name.removeprefix(TALLY).isdecimal()
