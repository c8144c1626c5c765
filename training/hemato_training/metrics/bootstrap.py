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
_BLOCK = 500


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


def confusions(
    drawn: NDArray[np.float32], labels: NDArray[np.int64], answers: NDArray[np.int64], classes: int
) -> NDArray[np.float64]:
    """The confusion matrix of every resample, (resamples, classes, classes); row: truth, column: answer."""
    cell = np.zeros((len(labels), classes * classes), np.float32)
    cell[np.arange(len(labels)), labels * classes + answers] = 1
    return (drawn @ cell).reshape(len(drawn), classes, classes).astype(np.float64)


def weighted_auc(
    drawn: NDArray[np.float32], scores: NDArray[np.floating[Any]], positive: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Area under the ROC curve of every resample: the probability that a positive scores higher, ties counting half.

    Args:
        drawn: (resamples, n) counts.
        scores: (n,), high for predicted positives.
        positive: (n,) bool, truth.

    Returns:
        (resamples,); nan if one of the two classes was not drawn.
    """
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(scores[order]) > 0))
    areas = []
    for begin in range(0, len(drawn), _BLOCK):
        sorted_draws = drawn[begin : begin + _BLOCK, order].astype(np.float64)
        own = np.add.reduceat(sorted_draws * positive[order], starts, axis=1)
        other = np.add.reduceat(sorted_draws * ~positive[order], starts, axis=1)
        below = np.cumsum(other, axis=1) - other / 2
        pairs = own.sum(axis=1) * other.sum(axis=1)
        areas.append(np.divide((own * below).sum(axis=1), pairs, out=np.full(len(own), np.nan), where=pairs > 0))
    return np.concatenate(areas)
