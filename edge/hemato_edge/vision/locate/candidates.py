"""Candidate cells and their selection: a logistic score of a few features each, then one box per cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

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
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    other_area = (others[:, 2:] - others[:, :2]).prod(axis=1)
    union = area[:, None] + other_area[None] - shared
    return np.asarray(shared / np.maximum(union, 1e-6), np.float32)


def best_of_overlapping(boxes: NDArray[np.float32], scores: NDArray[np.float32], limit: float) -> NDArray[np.intp]:
    """Non-maximum suppression: indices of boxes (n, 4) that overlap no better one by more than `limit`, best first."""
    order = np.argsort(-scores, kind="stable").astype(np.intp)
    ranked = boxes[order]
    rivals = np.triu(box_overlap(ranked, ranked) > limit, 1)
    kept = np.ones(len(order), np.bool_)
    for better in np.flatnonzero(rivals.any(axis=1)):
        if kept[better]:
            kept &= ~rivals[better]
    return order[kept]
