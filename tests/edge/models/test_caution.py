"""Where a network may not know, a device uses its logits with less confidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.card import CautionSpec, ClassifierCard
from hemato_edge.models.caution import device_logits, known_score
from hemato_edge.models.classifier_model import ClassifierModel

LOGITS = np.array([[4, 2, 1], [4, 2, 1]], np.float32)
CELLS = np.array([[3, 0], [-1, 0]], np.float32)
CAUTION = CautionSpec(lowered=(0, 3, 0), weights=(1, 0), bias=-1, slope=0.5)


def test_a_stranger_loses_confidence_and_a_known_cell_does_not() -> None:
    assert known_score(CELLS, CAUTION).tolist() == [2, -2]
    used = device_logits(LOGITS, CELLS, None, 0.0, CAUTION)
    assert used.dtype == np.float32
    assert used[0].tolist() == [4, -1, 1]
    assert used[1].tolist() == [2, -0.5, 0.5]  # divided by 1 + 0.5 × 2


def test_without_an_embedding_labels_are_lowered_all_the_same() -> None:
    assert device_logits(LOGITS, None, None, 0.0, CAUTION).tolist() == [[4, -1, 1]] * 2


def test_without_caution_nothing_changes() -> None:
    assert device_logits(LOGITS, CELLS, None, 0.0, None) is LOGITS


def test_the_model_uses_its_card_s_caution() -> None:
    bundle = read_bundle(shipped_classifier())
    card = bundle.card
    assert isinstance(card, ClassifierCard)
    assert card.embedding is not None
    plain, cautious = (
        ClassifierModel(replace(bundle, card=card.model_copy(update={"caution": caution, "second_look_views": 1})))
        for caution in (None, CautionSpec(lowered=(1.0,) * 8, weights=(0.0,) * card.embedding.size, bias=-2, slope=1))
    )
    images = bundle.golden_inputs
    before, after = plain.outputs(images).logits, cautious.outputs(images).logits
    spec = card.embedding
    lowered = device_logits(
        plain.logits(images) - 1, plain.outputs(images).embeddings, bundle.prototypes, spec.doubt, None
    )
    assert after == pytest.approx(lowered / 3)
    assert not np.allclose(before, after)
    assert cautious.verify() == plain.verify()


@pytest.mark.parametrize(
    "changed",
    [
        {"lowered": (1.0,) * 7},
        {"lowered": (-1.0,) * 8},
        {"lowered": (float("nan"),) * 8},
        {"weights": (1.0,) * 3},
        {"weights": (1e9,) * 64},
        {"slope": -1.0},
        {"slope": 1e9},
    ],
)
def test_an_impossible_caution_is_refused(changed: dict[str, object]) -> None:
    card = read_bundle(shipped_classifier()).card
    values = {"lowered": (0.0,) * 8, "weights": (), "bias": 0.0, "slope": 1.0}
    ClassifierCard.model_validate(card.model_dump() | {"caution": values})
    with pytest.raises(ValidationError):
        ClassifierCard.model_validate(card.model_dump() | {"caution": values | changed})
