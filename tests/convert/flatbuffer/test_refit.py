"""The last layer makes up for rounding where it can, and the model that it comes from stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import keras

from hemato_convert.flatbuffer.embedding import fit_projection
from hemato_convert.flatbuffer.graph import export_graph
from hemato_convert.flatbuffer.quantise import quantise
from hemato_convert.flatbuffer.refit import refitted
from hemato_convert.flatbuffer.trial import try_flatbuffer
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.networks.backbones import build_classifier
from hemato_training.networks.keras_model import keras_logits, pooled_features

if TYPE_CHECKING:
    from hemato_convert.flatbuffer.embedding import Projection

SIZE = 64


def projected(model: Any) -> Projection:
    """An embedding of the pooled features of some pictures."""
    return fit_projection(pooled_features(model, pictures(100, seed=3)), np.arange(100) % len(CLASSIFIER_LABELS), 16)


def network() -> Any:
    """A small network with activations and logits as large as those of a trained one."""
    keras.utils.set_random_seed(1)
    made = build_classifier("simple_cnn", SIZE, len(CLASSIFIER_LABELS), weights="none", dropout=0.0)
    for one in made.get_layer("trunk").layers:
        if isinstance(one, keras.layers.BatchNormalization):
            one.momentum = 0.0  # the statistics become those of the next batch
    made(pictures(64, seed=1).astype(np.float32), training=True)
    features = pooled_features(made, pictures(64, seed=1))
    rng = np.random.default_rng(2)
    kernel = rng.normal(size=(features.shape[1], len(CLASSIFIER_LABELS))) / (features.std(axis=0)[:, None] + 1e-3)
    made.get_layer("logits").set_weights([kernel / 10, -features.mean(axis=0) @ kernel / 10])
    return made


def pictures(number: int, seed: int) -> np.ndarray:
    """(number, S, S, 3) uint8: blots of all colours."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (number, 8, 8, 3))
    return np.asarray(coarse.repeat(SIZE // 8, axis=1).repeat(SIZE // 8, axis=2), np.uint8)


class Conversions:
    """Converts a network as it is when called, its convolutions rounded to so many bits before; keeps the files."""

    def __init__(self, model: Any, projection: Projection | None = None, bits: int = 8) -> None:
        self.files: list[bytes] = []
        self._model, self._projection, self._bits = model, projection, bits

    def __call__(self) -> bytes:
        trunk = self._model.get_layer("trunk")
        exact = trunk.get_weights()
        for layer in trunk.layers:
            if isinstance(layer, keras.layers.Conv2D):
                step = float(np.abs(layer.kernel).max()) / (2 ** (self._bits - 1) - 1)
                layer.kernel.assign(np.round(np.asarray(layer.kernel) / step) * step)
        self.files.append(quantise(export_graph(self._model, projection=self._projection), pictures(100, seed=3)))
        trunk.set_weights(exact)
        return self.files[-1]


@pytest.mark.parametrize("embeds", [False, True])
def test_the_logits_come_closer_to_the_float_network(embeds: bool) -> None:
    model = network()
    projection = projected(model) if embeds else None
    before = [part.copy() for part in model.get_layer("logits").get_weights()]
    make = Conversions(model, projection, bits=3)
    flatbuffer = refitted(make, model, pictures(300, seed=4), projection)
    others = pictures(200, seed=5)
    wanted = keras_logits(model, others)
    plain, closer = (np.abs(try_flatbuffer(one, others).logits - wanted).mean() for one in (make.files[0], flatbuffer))
    assert closer < 0.5 * plain
    for was, now in zip(before, model.get_layer("logits").get_weights(), strict=True):
        assert np.array_equal(was, now)


def test_the_first_conversion_stays_where_the_second_is_no_closer() -> None:
    """Eight bits take little from so shallow a network, and a new layer is rounded, too."""
    model, views = network(), pictures(100, seed=4)
    make = Conversions(model)
    flatbuffer = refitted(make, model, views)
    wanted = keras_logits(model, views)
    errors = [float(np.square(try_flatbuffer(one, views).logits - wanted).mean()) for one in make.files]
    assert errors[0] < errors[1]
    assert flatbuffer == make.files[0]


def test_the_model_stays_as_it_is_where_the_second_conversion_fails() -> None:
    model = network()
    before = model.get_layer("logits").get_weights()[1].copy()
    make = Conversions(model)

    def failing() -> bytes:
        if make.files:
            raise OSError("no space left")
        return make()

    with pytest.raises(OSError, match="no space"):
        refitted(failing, model, pictures(20, seed=6))
    assert np.array_equal(before, model.get_layer("logits").get_weights()[1])
