from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from hemato_edge.errors import ModelError
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.vision.classify.occlusion import GLASS
from hemato_training.evaluate.evaluation import Judged
from hemato_training.explain.methods import METHODS, method_named


class Classical:
    """A model that gives logits and nothing else."""

    def logits(self, images: np.ndarray) -> np.ndarray:
        return np.stack([-images.mean(axis=(1, 2, 3))] * 9, axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    found = np.full((2, 112, 112, 3), GLASS, np.uint8)
    found[:, 35:70, 35:70] = (120, 60, 140)
    return found


@pytest.mark.parametrize("name", ["gradcam", "occlusion", "lime"])
def test_the_int8_bundle_has_maps_by_each_method(crops, name: str) -> None:
    model = ClassifierModel(read_bundle(shipped_classifier()))
    judged = Judged(112, 1.0, 0.5, model)
    labels = judged.logits(crops).argmax(axis=1)
    maps = METHODS[name].maps_of(judged)(crops, labels)
    assert maps.shape[0] == 2
    assert np.isfinite(maps).all()
    assert maps.max() > 0
    assert np.array_equal(maps[0], maps[1]) or name == "lime"  # LIME draws its samples crop by crop
    assert METHODS[name].title(judged)


def test_a_classical_model_is_explained_by_asking_it(crops) -> None:
    judged = Judged(112, 1.0, 0.0, Classical())
    maps = METHODS["occlusion"].maps_of(judged)(crops, np.array([0, 0]))
    y, x = np.unravel_index(maps[0].argmax(), maps[0].shape)
    assert 3 <= y <= 8
    assert 3 <= x <= 8
    with pytest.raises(ModelError, match="no activation maps"):
        METHODS["gradcam"].title(judged)


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(ModelError, match="'dance'"):
        method_named("dance")
