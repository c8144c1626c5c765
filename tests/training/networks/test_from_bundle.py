"""Going on from the bundle that ships: its network is found among the further outputs that it has."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from hemato_edge.labels import CLASSIFIER_LABELS  # noqa: E402
from hemato_edge.models.bundle import read_bundle, shipped_classifier  # noqa: E402
from hemato_edge.models.classifier_model import ClassifierModel  # noqa: E402
from hemato_training.networks.backbones import build_classifier  # noqa: E402
from hemato_training.networks.keras_model import keras_logits  # noqa: E402


@pytest.mark.slow
def test_the_shipped_bundle_can_be_gone_on_from() -> None:
    bundle = read_bundle(shipped_classifier())
    model = build_classifier("mobilenet_v2", 112, len(CLASSIFIER_LABELS), weights=str(shipped_classifier()))
    images = bundle.golden_inputs[:16]
    apart = keras_logits(model, images) - ClassifierModel(bundle).logits(images)
    assert np.abs(apart).mean() < 0.5  # some steps of int8
