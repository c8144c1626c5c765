"""The dense layer of a classifier, fitted anew to what its int8 network gives.

Rounding the weights moves the pooled features, partly alike in all cells, and most in cells that look unlike the
training cells: in a laboratory that was left out one answer in fourteen changed, at home one in two hundred
(docs/results/training.md). A linear correction of the logits by logits and embedding takes part of that back. Both are
linear in the pooled features, so with it the logits are another dense layer, at no further inference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hemato_convert.flatbuffer.trial import try_flatbuffer
from hemato_training.augment.stain_and_optics import augment
from hemato_training.networks.keras_model import keras_logits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from hemato_convert.flatbuffer.embedding import Projection
    from hemato_training.data.crops import Cells, Look

    Floats = NDArray[np.float64]

STRENGTHS = (0.6, 0.6, 1.0)
"""Of the augmentation, one view of each cell each: cells that look unlike home are where the correction is wanted."""
RIDGE = 0.01
"""Of the mean squared correction, inputs scaled to a variance of one: 0.001 to 0.1 gave the same within half a
point."""


def refitted(
    make: Callable[[], bytes], model: Any, views: NDArray[np.uint8], projection: Projection | None = None
) -> bytes:
    """The int8 flatbuffer whose logits are closer to the float network's: what `make` gives, or that with a new layer.

    Args:
        make: quantises the model as it is when called; called twice.
        model: from `hemato_training.networks.backbones.build_classifier`; it is left as it was.
        views: (n, S, S, 3) uint8 RGB, see `views_of`.
        projection: of the embedding that `make` puts out; None without one.
    """
    wanted = keras_logits(model, views)
    dense = model.get_layer("logits")
    kept = dense.get_weights()
    kernel, bias = (part.astype(np.float64) for part in kept)
    first = make()
    seen = try_flatbuffer(first, views).seen()
    if seen.embeddings is None or projection is None:
        given = seen.logits
    else:
        given = np.concatenate([seen.logits, seen.embeddings], axis=1)
        kernel = np.concatenate([kernel, projection.kernel], axis=1)
        bias = np.concatenate([bias, projection.bias])
    slope, offset = _correction(given.astype(np.float64), (wanted - seen.logits).astype(np.float64))
    try:
        dense.set_weights([kept[0] + kernel @ slope, kept[1] + bias @ slope + offset])
        second = make()
    finally:
        dense.set_weights(kept)
    before, after = (
        np.square(logits - wanted).mean() for logits in (seen.logits, try_flatbuffer(second, views).logits)
    )
    return second if after < before else first


def views_of(cells: Cells, looks: Mapping[str, Look], size: int, seed: int = 1) -> NDArray[np.uint8]:
    """(n, size, size, 3) uint8 RGB: augmented views of cells that were cut with the margin of training's."""
    found = []
    for number, strength in enumerate(STRENGTHS):
        for cell, crop in enumerate(cells.crops):
            rng = np.random.default_rng([seed, number, cell])
            view = augment(crop, cells.stain(cell, looks), size, rng, strength)
            found.append(cv2.cvtColor(view, cv2.COLOR_BGR2RGB))
    return np.asarray(found, np.uint8)


def _correction(given: Floats, missing: Floats) -> tuple[Floats, Floats]:
    """Slope (d, K) and offset (K,) of the linear map from `given` (n, d) to `missing` (n, K), ridge regression."""
    middle, spread = given.mean(axis=0), given.std(axis=0) + 1e-9
    scaled = (given - middle) / spread
    normal = scaled.T @ scaled / len(given) + RIDGE * np.eye(given.shape[1])
    slope = np.linalg.solve(normal, scaled.T @ (missing - missing.mean(axis=0)) / len(given)) / spread[:, None]
    return slope, missing.mean(axis=0) - middle @ slope
