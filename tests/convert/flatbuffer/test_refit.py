"""The last layer makes up for rounding, and the model that it comes from stays as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from hemato_convert.flatbuffer.embedding import Projection, fit_projection
from hemato_convert.flatbuffer.graph import export_graph
from hemato_convert.flatbuffer.quantise import quantise
from hemato_convert.flatbuffer.refit import refitted
from hemato_convert.flatbuffer.trial import try_flatbuffer
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.networks.backbones import build_classifier
from hemato_training.networks.keras_model import keras_logits, pooled_features

SIZE = 64


@pytest.fixture(scope="module")
def model() -> Any:
    """A narrow network whose logits are as far apart as those of a trained one."""
    made = build_classifier("mobilenet_v2", SIZE, len(CLASSIFIER_LABELS), alpha=0.35, weights="none", dropout=0.0)
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


def test_the_logits_come_closer_to_the_float_network(model: Any) -> None:
    images, labels = pictures(100, seed=3), np.arange(100) % len(CLASSIFIER_LABELS)
    projection = fit_projection(pooled_features(model, images), labels, 16)
    before = [part.copy() for part in model.get_layer("logits").get_weights()]
    made: list[bytes] = []

    def make() -> bytes:
        made.append(quantise(export_graph(model, projection=projection), images))
        return made[-1]

    flatbuffer = refitted(make, model, pictures(300, seed=4), projection)
    others = pictures(200, seed=5)
    wanted = keras_logits(model, others)
    plain, closer = (np.abs(try_flatbuffer(one, others).logits - wanted).mean() for one in (made[0], flatbuffer))
    assert flatbuffer == made[1]
    assert closer < 0.8 * plain
    for was, now in zip(before, model.get_layer("logits").get_weights(), strict=True):
        assert np.array_equal(was, now)


def test_the_model_stays_as_it_is_where_the_second_conversion_fails(model: Any) -> None:
    projection: Projection | None = None
    images, calls = pictures(20, seed=6), iter([True, False])
    before = model.get_layer("logits").get_weights()[1].copy()

    def make() -> bytes:
        if not next(calls):
            raise OSError("no space left")
        return quantise(export_graph(model), images)

    with pytest.raises(OSError, match="no space"):
        refitted(make, model, images, projection)
    assert np.array_equal(before, model.get_layer("logits").get_weights()[1])
