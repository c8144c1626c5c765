"""Sampling uncertainty of a figure: the bootstrap over groups, all resamples at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 7
LEVEL = 0.95
"""Two-sided level of every interval."""
Interval: TypeAlias = tuple[float, float]


def resample(
    groups: NDArray[np.str_], strata: NDArray[np.str_], resamples: int = RESAMPLES, seed: int = SEED
) -> NDArray[np.float32]:
    """Draw count of each cell in each resample (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993).

    Whole groups are drawn with replacement, as many within each stratum as it has: cells of one field are correlated,
    and drawing them one by one would give intervals that are too narrow.

    Args:
        groups: (n,) str, dependent cells share a group.
        strata: (n,) str, their sizes are preserved; a group belongs to the stratum of its first cell.
        resamples: number of resamples.
        seed: of the draws.

    Returns:
        (resamples, n) float32 counts.
    """
    rng = np.random.default_rng(seed)
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    of_group = strata[first]
    drawn = np.zeros((resamples, len(first)), np.float32)
    for stratum in np.unique(of_group):
        members = np.flatnonzero(of_group == stratum)
        drawn[:, members] = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), resamples)
    return drawn[:, place]


def interval(values: NDArray[np.floating[Any]]) -> Interval:
    """The percentile interval of resampled values (resamples,), ignoring undefined ones."""
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return float(low), float(high)
