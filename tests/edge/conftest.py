"""A small real model, made without TensorFlow, for the tests of everything that handles bundles."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.card import (
    Accuracy,
    ClassifierCard,
    DataSource,
    Golden,
    InputSpec,
    Parity,
    StainSpec,
)
from hemato_edge.vision.classify.crops import CROP_RED_CELLS
from hemato_edge.vision.optics import stain

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def make_card() -> Callable[..., ClassifierCard]:
    """A complete card; keyword arguments replace fields."""

    def make(**changes: object) -> ClassifierCard:
        n = len(CLASSIFIER_LABELS)
        fields: dict[str, object] = {
            "name": "test classifier",
            "task": "classify",
            "architecture": "mobilenet_v2",
            "alpha": 1.0,
            "labels": CLASSIFIER_LABELS,
            "input": InputSpec(size=64, channels="rgb", crop_red_cells=CROP_RED_CELLS, scale=2 / 255, zero_point=127),
            "stain": StainSpec(
                method="optical_density",
                reference_level=stain.REFERENCE_LEVEL,
                reference_nucleus_od=stain.REFERENCE_NUCLEUS_OD,
                ratio_limits=stain.RATIO_LIMITS,
            ),
            "training": (DataSource(name="drawn", licence="none", split_sha256="0" * 64, train=1, val=1),),
            "training_arguments": {"seed": 1},
            "accuracy": (
                Accuracy(
                    data="drawn", split="val", cells=1, float_accuracy=1, int8_accuracy=1, int8_balanced_accuracy=1
                ),
            ),
            "confusion": tuple(tuple(int(i == j) for j in range(n)) for i in range(n)),
            "parity": Parity(cells=1, agreement=1, max_logit_difference=0),
            "temperature": 1.0,
            "rejection_threshold": 0.5,
            "golden": Golden(count=2, tolerance=0.1),
            "versions": {"hemato-edge": "0"},
            "created": datetime(2026, 1, 1, tzinfo=timezone.utc),
            "licence": "Apache-2.0",
            "attribution": "none",
        }
        return ClassifierCard.model_validate(fields | changes)

    return make
