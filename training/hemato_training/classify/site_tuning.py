"""A trained classifier made a site's own: head and last blocks learn from its cells, mixed with as many from home.

All that stands before the last blocks is frozen, so its maps are computed once for every augmented view, and what
learns is small: a few minutes on two cores. Home cells come along so that no class is forgotten that the site has not
shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.classify.batches import TrainingBatches, draw_epoch
from hemato_training.networks.backbones import LOGITS, POOLING, PREPROCESSING, TRUNK
from hemato_training.networks.keras_model import keras_outputs
from hemato_training.runs.schedule import averaging_optimizer, compile_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hemato_training.data.crops import Cells, Look
    from hemato_training.progress import Reporter

CUT = {"mobilenet_v2": "block_15_add"}
"""Architecture → the last layer that stays as it is; of others the dense head alone learns."""
_BATCH = 32
_MAPS_BATCH = 64


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a site's cells are learnt.

    Attributes:
        views: augmented views of the site's cells, and as many of home's.
        epochs: how often all views are shown.
        learning_rate: highest.
        strength: of the augmentation.
        seed: of all randomness.
    """

    views: int = 2400
    epochs: int = 4
    learning_rate: float = 2e-4
    strength: float = 0.4
    seed: int = 1


def tune(model: Any, home: Cells, site: Cells, looks: Mapping[str, Look], tuning: Tuning, reporter: Reporter) -> None:
    """Train the last blocks and the head of `model` in place.

    Args:
        model: from `networks.backbones.build_classifier`.
        home: crops with margin, training cells of the laboratories that it learnt from.
        site: the same of the site.
        looks: laboratory → its look, of both.
        tuning: how.
        reporter: receives progress.
    """
    keras.utils.set_random_seed(tuning.seed)
    size = int(model.input_shape[1])
    front, tail = split_for_tuning(model)
    maps, targets = [], []
    for what, cells in (("home", home), ("the site", site)):
        order = draw_epoch(cells, 0, tuning.seed, 0, tuning.views)
        batches = TrainingBatches(
            cells,
            looks,
            order,
            size=size,
            classes=len(CLASSIFIER_LABELS),
            batch=_MAPS_BATCH,
            seed=tuning.seed,
            epoch=0,
            strength=tuning.strength,
        )
        for index in reporter.track(range(len(batches)), f"views of {what}", len(batches)):
            images, truth = batches[index]
            maps.append(keras_outputs(front, images, _MAPS_BATCH).astype(np.float16))
            targets.append(truth)
    _fit(tail, np.concatenate(maps), np.concatenate(targets), tuning)


def split_for_tuning(model: Any) -> tuple[Any, Any]:
    """A classifier in two that share its weights: up to the layer that stays, and what learns from there to the logits.

    In the second part batch normalisation keeps its statistics and its weights.
    """
    trunk = model.get_layer(TRUNK)
    cut = CUT.get(model.name)
    middle = trunk.outputs[0] if cut is None else trunk.get_layer(cut).output
    image = keras.Input(model.input_shape[1:])
    front = keras.Model(image, keras.Model(trunk.inputs, middle)(model.get_layer(PREPROCESSING)(image)))
    taken = keras.Input(middle.shape[1:])
    features = taken if cut is None else keras.Model(middle, trunk.outputs[0])(taken)
    pooled = model.get_layer(POOLING)(features)
    tail = keras.Model(taken, model.get_layer(LOGITS)(pooled))
    for layer in trunk.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    return front, tail


def _fit(tail: Any, maps: NDArray[np.float16], targets: NDArray[np.float32], tuning: Tuning) -> None:
    steps = tuning.epochs * (len(maps) // _BATCH)
    optimizer = averaging_optimizer(tuning.learning_rate, steps, 1e-3, 0.0)
    compile_model(tail, optimizer, keras.losses.CategoricalCrossentropy(from_logits=True))
    tail.fit(maps.astype(np.float32), targets, batch_size=_BATCH, epochs=tuning.epochs, shuffle=True, verbose=0)
