"""The last layer makes up for rounding where it can, and the model that it comes from stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

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


def network(architecture: str) -> Any:
    """A small network whose logits are as far apart as those of a trained one."""
    made = build_classifier(architecture, SIZE, len(CLASSIFIER_LABELS), alpha=0.35, weights="none", dropout=0.0)
    features = pooled_features(made, pictures(64, seed=1))
    rng = np.random.default_rng(2)
    kernel = rng.normal(size=(features.shape[1], len(CLASSIFIER_LABELS))) / (features.std(axis=0)[:, None] + 1e-6)
    made.get_layer("logits").set_weights([kernel / 20, -features.mean(axis=0) @ kernel / 20])
    return made


def pictures(number: int, seed: int) -> np.ndarray:
    """(number, S, S, 3) uint8: blots of all colours."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (number, 8, 8, 3))
    return np.asarray(coarse.repeat(SIZE // 8, axis=1).repeat(SIZE // 8, axis=2), np.uint8)


class Conversions:
    """Converts a network as it is when called; keeps the files."""

    def __init__(self, model: Any, projection: Projection | None = None) -> None:
        self.files: list[bytes] = []
        self._model, self._projection, self._images = model, projection, pictures(100, seed=3)

    def __call__(self) -> bytes:
        self.files.append(quantise(export_graph(self._model, projection=self._projection), self._images))
        return self.files[-1]


def test_the_logits_come_closer_to_the_float_network() -> None:
    model = network("mobilenet_v2")
    projection = projected(model)
    before = [part.copy() for part in model.get_layer("logits").get_weights()]
    make = Conversions(model, projection)
    flatbuffer = refitted(make, model, pictures(300, seed=4), projection)
    others = pictures(200, seed=5)
    wanted = keras_logits(model, others)
    plain, closer = (np.abs(try_flatbuffer(one, others).logits - wanted).mean() for one in (make.files[0], flatbuffer))
    assert closer < 0.8 * plain
    for was, now in zip(before, model.get_layer("logits").get_weights(), strict=True):
        assert np.array_equal(was, now)


def test_the_first_conversion_stays_where_the_second_is_no_closer() -> None:
    """Weights of very unlike size, all in steps of the largest."""
    model, views = network("simple_cnn"), pictures(100, seed=4)
    projection = projected(model)
    make = Conversions(model, projection)
    flatbuffer = refitted(make, model, views, projection)
    wanted = keras_logits(model, views)
    errors = [float(np.square(try_flatbuffer(one, views).logits - wanted).mean()) for one in make.files]
    assert errors[0] < errors[1]
    assert flatbuffer == make.files[0]


def test_the_model_stays_as_it_is_where_the_second_conversion_fails() -> None:
    model = network("simple_cnn")
    before = model.get_layer("logits").get_weights()[1].copy()
    make = Conversions(model)

    def failing() -> bytes:
        if make.files:
            raise OSError("no space left")
        return make()

    with pytest.raises(OSError, match="no space"):
        refitted(failing, model, pictures(20, seed=6))
    assert np.array_equal(before, model.get_layer("logits").get_weights()[1])
