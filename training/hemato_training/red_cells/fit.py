"""Fitting the head for red-cell shapes: a multinomial logistic regression with 8-bit weights."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression

from hemato_edge.counting.red_cells.shapes import SHAPES
from hemato_edge.models.shape_head import ShapeHead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.models.shape_head import ShapeCard
    from hemato_training.red_cells.material import Cells

PENALTY = 0.05
"""Inverse strength of the L2 penalty on numbers of unit spread."""
CLIP = 4.0
_LEVELS = 127


def fit_head(cells: Cells, card: ShapeCard) -> ShapeHead:
    """The head of cells, all copies of them.

    A shape counts by the root of its number, and within it each picture by the root of its own: neither the commonest
    shape nor the fullest picture decides alone.
    """
    mean, spread = cells.features.mean(axis=0, dtype=np.float64), cells.features.std(axis=0, dtype=np.float64) + 1e-6
    alike = np.clip((cells.features - mean) / spread, -CLIP, CLIP)
    model = LogisticRegression(C=PENALTY, max_iter=400).fit(alike, cells.shapes, sample_weight=_weights(cells))
    kernel, bias = np.zeros((len(SHAPES), alike.shape[1])), np.full(len(SHAPES), -20.0)
    sides = np.array([[-0.5], [0.5]]) if len(model.classes_) == 2 else 1.0  # two shapes: half of one boundary each
    kernel[model.classes_], bias[model.classes_] = sides * model.coef_, np.ravel(sides) * model.intercept_
    scale = np.maximum(np.abs(kernel).max(axis=1), 1e-9) / _LEVELS
    return ShapeHead(card, "", mean, spread, CLIP, np.rint(kernel / scale[:, None]).astype(np.int8), scale, bias)


def _weights(cells: Cells) -> NDArray[np.float64]:
    shapes = np.bincount(cells.shapes, minlength=len(SHAPES))
    pairs = list(zip(cells.fields.tolist(), cells.shapes.tolist(), strict=True))
    together = Counter(pairs)
    weights = np.array([(shapes[shape] * together[field, shape]) ** -0.5 for field, shape in pairs])
    return np.asarray(weights / weights.mean(), np.float64)
