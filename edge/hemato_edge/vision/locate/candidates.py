"""Candidate cells and their selection: a logistic score of a few features each, then one box per cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.neighbours import near_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Candidates:
    """Possible cells of one kind.

    Attributes:
        boxes: (N, 4) float32, x0 y0 x1 y1 in working pixels; may extend beyond the picture.
        features: (N, F) float64, in the order of the finder's `FEATURES`.
    """

    boxes: NDArray[np.float32]
    features: NDArray[np.float64]

    @staticmethod
    def none(features: int) -> Candidates:
        """No candidate, with this number of features."""
        return Candidates(np.zeros((0, 4), np.float32), np.zeros((0, features)))

    def select(self, mask: NDArray[np.bool_] | NDArray[np.intp]) -> Candidates:
        """The candidates selected by `mask` (boolean, or indices)."""
        return Candidates(self.boxes[mask], self.features[mask])


def logistic(features: NDArray[np.float64], coefficients: Sequence[float]) -> NDArray[np.float32]:
    """(N,) float32 in (0, 1): the logistic score of features (N, F); the first coefficient is the intercept."""
    weights = np.asarray(coefficients)
    odds = np.clip(features @ weights[1:] + weights[0], -30, 30)
    return np.asarray(1 / (1 + np.exp(-odds)), np.float32)


def box_overlap(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, M) float32, intersection over union of boxes (N, 4) and (M, 4), x0 y0 x1 y1."""
    return _overlap(boxes[:, None], others[None])


def best_of_overlapping(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    limit: float | NDArray[np.floating[Any]],
    kinds: NDArray[np.int8] | None = None,
) -> NDArray[np.intp]:
    """Non-maximum suppression: indices of boxes (n, 4) that overlap no better one by more than `limit`, best first.

    `limit` holds for all, or (n,) for each box against worse ones. With `kinds`, (n,), only boxes of one kind compete.
    """
    order = np.argsort(-scores, kind="stable").astype(np.intp)
    ranked = boxes[order]
    limits = np.broadcast_to(limit, len(order))[order]
    centres = (ranked[:, :2] + ranked[:, 2:]) / 2
    longest = float((ranked[:, 2:] - ranked[:, :2]).max(initial=0.0))  # boxes whose centres are farther apart are apart
    better, worse = near_pairs(centres, centres, longest)
    lower = better < worse
    if kinds is not None:
        lower &= kinds[order[better]] == kinds[order[worse]]
    better, worse = better[lower], worse[lower]
    rivals = _overlap(ranked[better], ranked[worse]) > limits[better]
    better, worse = better[rivals], worse[rivals]
    kept = np.ones(len(order), np.bool_)
    firsts, starts = np.unique(better, return_index=True)
    for first, its in zip(firsts.tolist(), np.split(worse, starts[1:]), strict=False):
        if kept[first]:
            kept[its] = False
    return order[kept]


def _overlap(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """(…) float32, intersection over union of boxes (…, 4) that broadcast against each other."""
    shared = _side(boxes, others, 0)
    shared *= _side(boxes, others, 1)
    union = (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1) + (others[..., 2:] - others[..., :2]).prod(axis=-1)
    return np.asarray(shared / np.maximum(union - shared, 1e-6), np.float32)


def _side(boxes: NDArray[np.float32], others: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """(…) length that boxes (…, 4) share along an axis, 0: x, 1: y."""
    length = np.minimum(boxes[..., axis + 2], others[..., axis + 2])
    length -= np.maximum(boxes[..., axis], others[..., axis])
    shared: NDArray[np.float32] = np.maximum(length, 0, out=length)
    return shared
