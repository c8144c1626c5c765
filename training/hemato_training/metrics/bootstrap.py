"""Figures of all resamples of a bootstrap at once; `hemato_edge.evidence.bootstrap` draws the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 500


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
