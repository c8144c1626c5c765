from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.models.prototypes import Prototypes


def home() -> Prototypes:
    """Two classes around (0, 0, 0, 0) and (10, 0, 0, 0)."""
    around = np.array([[1, 0, 0, 0], [-1, 0, 0, 0]], np.float32)
    embeddings = np.concatenate([around, around + np.array([10, 0, 0, 0], np.float32)])
    return Prototypes(embeddings, np.array([0, 0, 2, 2]), np.array(["pbc"] * 4))


def test_only_cells_far_from_their_class_are_doubted() -> None:
    logits = np.array([[4, 2, 0], [4, 2, 0], [0, 2, 4]], np.float32)
    cells = np.array([[2, 0, 0, 0], [5, 0, 0, 0], [10, 0, 0, 2]], np.float32)
    doubted = home().doubted(logits, cells, 0.5)
    assert doubted[0].tolist() == [4, 2, 0]  # within √4 of the middle
    assert doubted[1] == pytest.approx(logits[1] / (1 + 0.5 * 3))
    assert doubted[2].tolist() == [0, 2, 4]
    assert np.array_equal(doubted.argmax(axis=1), logits.argmax(axis=1))


def test_a_class_without_home_cells_is_never_sure() -> None:
    assert home().doubted(np.array([[0, 9, 0]], np.float32), np.zeros((1, 4), np.float32), 0.1).tolist() == [[0, 0, 0]]


def test_the_card_says_how_much_a_model_doubts() -> None:
    bundle = read_bundle(shipped_classifier())
    embedding = bundle.card.embedding
    assert embedding is not None
    noise = np.random.default_rng(1).integers(0, 256, (3, *bundle.golden_inputs.shape[1:]), np.uint8)
    sure, unsure = (
        ClassifierModel(
            replace(
                bundle,
                card=bundle.card.model_copy(
                    update={
                        "embedding": embedding.model_copy(update={"doubt": doubt}),
                        "caution": None,
                        "second_look_views": 1,
                    }
                ),
            )
        )
        for doubt in (0.0, 1.0)
    )
    plain, doubted = sure.outputs(noise), unsure.outputs(noise)
    assert bundle.prototypes is not None
    assert np.array_equal(plain.logits, sure.logits(noise))
    assert np.array_equal(doubted.logits, bundle.prototypes.doubted(plain.logits, plain.embeddings, 1.0))
    assert np.abs(doubted.logits).max() < np.abs(plain.logits).max()  # noise is no cell from home
    assert unsure.verify() == sure.verify()
