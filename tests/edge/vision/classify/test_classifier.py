"""The classifier: calibrated answers, rejection, and no answer without a verified model."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from hemato_edge.errors import ModelError
from hemato_edge.labels import CLASSIFIER_LABELS, UNCLASSIFIED
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.classifier_model import ClassifierModel, Outputs
from hemato_edge.models.engines.choice import find_runtime
from hemato_edge.models.temperature import calibrated
from hemato_edge.vision.classify.classifier import TFLiteClassifier, load_classifier


@pytest.fixture(scope="module")
def classifier() -> TFLiteClassifier:
    return load_classifier()


def with_card(**changes: object) -> ClassifierModel:
    bundle = read_bundle(shipped_classifier())
    return ClassifierModel(replace(bundle, card=bundle.card.model_copy(update=changes)))


def test_temperature_softens_and_sums_to_one() -> None:
    logits = np.array([[2.0, 0, 0], [-1000, 1000, 0]], np.float32)
    for temperature in (0.5, 1.0, 3.0):
        assert calibrated(logits, temperature).sum(axis=1) == pytest.approx(1)
    assert calibrated(logits, 3.0)[0, 0] < calibrated(logits, 1.0)[0, 0] < calibrated(logits, 0.5)[0, 0]
    assert calibrated(logits, 1.0)[0] == pytest.approx(np.exp([2, 0, 0]) / np.exp([2, 0, 0]).sum(), rel=1e-5)


def test_below_the_threshold_the_answer_is_unclassified(classifier: TFLiteClassifier) -> None:
    sure, unsure = classifier.answers(Outputs(np.array([[20.0] + [0] * 7, [0.1] + [0] * 7], np.float32)))
    assert (sure.label, sure.best) == ("neutrophil", "neutrophil")
    assert (unsure.label, unsure.best) == (UNCLASSIFIED, "neutrophil")
    assert unsure.confidence < classifier.card.rejection_threshold <= sure.confidence


def test_a_batch_answers_like_single_crops(classifier: TFLiteClassifier) -> None:
    size = classifier.card.input.size
    crops = np.random.default_rng(1).integers(0, 256, (7, size, size, 3), np.uint8)
    together = classifier.model.logits(crops)
    alone = np.concatenate([classifier.model.logits(crop[None]) for crop in crops])
    assert together.shape == (7, len(CLASSIFIER_LABELS))
    assert np.array_equal(together, alone)
    assert classifier.model.logits(crops[:0]).shape == (0, len(CLASSIFIER_LABELS))


def test_the_activation_maps_average_to_the_logits(classifier: TFLiteClassifier) -> None:
    """Logit = mean over the map + bias, so differences between crops agree up to quantisation."""
    logits, maps = classifier.model.logits_and_maps(classifier.model.bundle.golden_inputs)
    assert maps is not None
    means = maps.mean(axis=(1, 2))
    assert means.shape == logits.shape
    offset = logits - means
    assert np.abs(offset - np.median(offset, axis=0)).max() < 0.6
    assert np.corrcoef(means.ravel(), logits.ravel())[0, 1] > 0.95


def test_wrong_input_is_a_programming_error(classifier: TFLiteClassifier) -> None:
    with pytest.raises(ValueError, match="uint8"):
        classifier.model.logits(np.zeros((1, 10, 10, 3), np.uint8))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": CLASSIFIER_LABELS[::-1]}, "but this program counts"),
        ({"rejection_threshold": 0.1, "labels": (*CLASSIFIER_LABELS[:-1], "thrombocyte")}, "thrombocyte"),
    ],
)
def test_other_labels_are_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        TFLiteClassifier(with_card(**change))


def test_another_reference_stain_is_refused() -> None:
    card = read_bundle(shipped_classifier()).card
    with pytest.raises(ModelError, match="another reference stain"):
        TFLiteClassifier(with_card(stain=card.stain.model_copy(update={"reference_level": 200.0})))


def test_a_failed_golden_check_is_refused() -> None:
    bundle = read_bundle(shipped_classifier())
    logits = bundle.golden_outputs["logits"]
    with pytest.raises(ModelError, match="golden check"):
        TFLiteClassifier(ClassifierModel(replace(bundle, golden_outputs={"logits": logits + 2})))
    nothing = np.full_like(logits, np.nan)
    with pytest.raises(ModelError, match="golden check"):
        TFLiteClassifier(ClassifierModel(replace(bundle, golden_outputs={"logits": nothing})))


def test_a_runtime_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModelError, match="can be imported") as caught:
        find_runtime()
    assert "pip install" in caught.value.fix


def test_the_shipped_model_is_whole_and_small(classifier: TFLiteClassifier) -> None:
    delegation = classifier.model.engine.delegation()
    assert delegation is not None
    assert delegation.partitions == 1
    assert shipped_classifier().stat().st_size < 3_300_000
    assert classifier.card.parity.agreement > 0.98


def test_what_ships_knows_its_home_cells(classifier: TFLiteClassifier) -> None:
    home, spec = classifier.prototypes, classifier.card.embedding
    assert home is not None
    assert spec is not None
    assert home.embeddings.shape == (spec.prototypes, spec.size)
    assert set(home.labels) == set(range(len(CLASSIFIER_LABELS)))
    assert np.median(home.distances(home.embeddings)) < spec.home_distance
    noise = np.random.default_rng(3).integers(0, 256, (4, classifier.card.input.size, classifier.card.input.size, 3))
    embeddings = classifier.model.outputs(noise.astype(np.uint8)).embeddings
    assert embeddings is not None
    assert home.distances(embeddings).min() > spec.home_distance  # noise is no cell
    judgement = classifier.answers(classifier.model.outputs(noise.astype(np.uint8)))[0]
    assert np.array_equal(judgement.embedding, embeddings[0])
    assert np.array_equal(classifier.pool([judgement, judgement]).embedding, embeddings[0])
    alone, twice = classifier.pool([judgement]), classifier.pool([judgement, judgement])
    assert alone.activation is None
    assert (alone.label, alone.attributes) == (twice.label, twice.attributes)
    assert np.array_equal(alone.probabilities, twice.probabilities)


def test_what_ships_tells_how_its_recipe_did_abroad(classifier: TFLiteClassifier) -> None:
    abroad = {name: np.array(counts) for name, counts in classifier.card.abroad.items()}
    right = {name: np.trace(counts[:, :-1]) / counts[:, :-1].sum() for name, counts in abroad.items()}
    assert len(right) >= 4
    assert np.mean(list(right.values())) >= 0.95
    assert min(right.values()) >= 0.90
