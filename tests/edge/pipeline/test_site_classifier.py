"""A session's classifier with a head of the site's own, over one that answers as it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
import pytest

from hemato_edge.errors import ModelError
from hemato_edge.labels import CLASSIFIER_LABELS, UNCLASSIFIED
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.classifier_model import EMBEDDINGS, ClassifierModel
from hemato_edge.pipeline.site_classifier import SiteClassifier
from hemato_edge.site.parts import Head, Share
from hemato_edge.values import Judgement
from hemato_edge.vision.classify.classifier import TFLiteClassifier

K = len(CLASSIFIER_LABELS)


class Shipped:
    """Says neutrophil at 0.9; the embedding is one number."""

    def __init__(self, embedding: float | None) -> None:
        self.embedding = None if embedding is None else np.array([embedding], np.float32)

    def judge(self, view, boxes, look) -> list[Judgement]:
        shares = np.full(K, 0.1 / (K - 1), np.float32)
        shares[0] = 0.9
        found = Judgement("neutrophil", "neutrophil", 0.9, shares, np.ones((2, 2), np.float32), self.embedding)
        return [found for _ in boxes]

    def pool(self, judgements) -> Judgement:
        shares = np.mean([one.probabilities for one in judgements], axis=0)
        best = int(shares.argmax())
        return Judgement(CLASSIFIER_LABELS[best], CLASSIFIER_LABELS[best], float(shares[best]), shares)


def head(threshold: float) -> Head:
    """Says eosinophil where the embedding is above zero, the more surely the larger it is."""
    weights = np.zeros((2, K))
    weights[0, 1] = 10
    packed, sha256 = Head.packed(weights)
    share = Share(value=None, low=None, high=None)
    return Head(
        model_sha256="ab" * 32, created=datetime(2026, 1, 1, tzinfo=timezone.utc), weights=packed, sha256=sha256,
        embedding=1, share=0.7, threshold=threshold, cells={}, sessions=1, readers=(), before=share, after=share,
        balanced_before=0, balanced_after=0, divided_by="field", source="",
    )  # fmt: skip


def test_the_heads_answer_is_mixed_in() -> None:
    found = SiteClassifier(Shipped(2.0), head(0.5)).judge(None, np.zeros((1, 4)), None)[0]  # type: ignore[arg-type]
    assert (found.label, found.best) == ("eosinophil", "eosinophil")
    assert found.probabilities.sum() == pytest.approx(1)
    assert found.activation is None  # it spoke for the other class
    kept = SiteClassifier(Shipped(0.0), head(0.5)).judge(None, np.zeros((1, 4)), None)[0]  # type: ignore[arg-type]
    assert kept.best == "neutrophil"
    assert kept.activation is not None


def test_the_heads_threshold_rejects_alone_and_pooled() -> None:
    classifier = SiteClassifier(Shipped(0.0), head(0.95))
    found = classifier.judge(None, np.zeros((2, 4)), None)  # type: ignore[arg-type]
    assert [one.label for one in found] == [UNCLASSIFIED] * 2
    assert classifier.pool(found).label == UNCLASSIFIED
    sure = replace(found[0], probabilities=np.eye(K, dtype=np.float32)[3])
    assert classifier.pool([sure]).label == CLASSIFIER_LABELS[3]


def test_a_classifier_without_an_embedding_is_refused() -> None:
    with pytest.raises(ModelError, match="gives no embedding"):
        SiteClassifier(Shipped(None), head(0.5)).judge(None, np.zeros((1, 4)), None)  # type: ignore[arg-type]


def test_the_head_reads_the_views_of_a_second_look_and_costs_no_inference() -> None:
    bundle = read_bundle(shipped_classifier())
    model = ClassifierModel(bundle)
    naming = TFLiteClassifier(model)
    outputs = model.outputs(bundle.golden_inputs)
    inferences, shipped = model.inferences, naming.answers(outputs)
    unsure = [i for i, one in enumerate(shipped) if one.confidence < model.card.rejection_threshold]
    assert unsure

    class Seen(Shipped):
        def judge(self, view, boxes, look) -> list[Judgement]:
            return shipped

    rng = np.random.default_rng(1)
    weights = rng.normal(0, 0.1, (len(shipped[0].embedding) + 1, K))
    packed, sha256 = Head.packed(weights)
    own = head(0.5).model_copy(
        update={"weights": packed, "sha256": sha256, "embedding": len(weights) - 1, "share": 1.0}
    )
    found = SiteClassifier(Seen(None), own).judge(None, np.zeros((len(shipped), 4)), None)  # type: ignore[arg-type]
    assert model.inferences == inferences
    crops = bundle.golden_inputs[unsure]
    turned = [model.answers(np.ascontiguousarray(np.rot90(crops, turn, (1, 2))))[EMBEDDINGS] for turn in range(4)]
    logits = np.mean([one @ weights[:-1] + weights[-1] for one in turned], axis=0)  # of the head, view by view
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.stack([found[i].probabilities for i in unsure]) == pytest.approx(expected, abs=1e-4)
