from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.metrics import roc_auc_score

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.data.crops import Cells
from hemato_training.data.records import Record
from hemato_training.metrics.answers import Answers, answers_of
from hemato_training.metrics.classification import figures_of
from hemato_training.metrics.details import details_of
from hemato_training.metrics.intervals import intervals_of

N = len(CLASSIFIER_LABELS)


def drawn(n: int = 240, classes: int = 3, strength: float = 2.0) -> Answers:
    rng = np.random.default_rng(6)
    labels = np.arange(n) % classes
    logits = rng.normal(0, 1, (n, N)).astype(np.float32)
    logits[np.arange(n), labels] += strength
    return Answers(logits, labels, np.full(n, "here"), np.arange(n).astype(str))


def test_intervals_hold_their_figures() -> None:
    answers = drawn()
    figures, intervals = figures_of(answers.logits, answers.labels), intervals_of(answers)
    pairs = [
        (figures.accuracy, intervals.accuracy),
        (figures.accuracy, intervals.accuracy_exact),
        (figures.balanced_accuracy, intervals.balanced_accuracy),
        *((getattr(figures.macro, k), getattr(intervals.macro, k)) for k in ("precision", "recall", "f1")),
        *((getattr(figures.weighted, k), getattr(intervals.weighted, k)) for k in ("precision", "recall", "f1")),
    ]
    for label, own in intervals.per_class.items():
        of = figures.per_class[label]
        pairs += [(of.precision, own.precision), (of.recall, own.recall), (of.f1, own.f1)]
        pairs += [(of.recall, intervals.recall_exact[label]), (of.precision, intervals.precision_exact[label])]
    for value, (low, high) in pairs:
        assert 0 <= low < value < high <= 1
    assert list(intervals.per_class) == list(CLASSIFIER_LABELS[:3])
    json.dumps(intervals.as_json())


def test_areas_are_those_of_scikit_learn() -> None:
    answers = drawn(strength=1.0)
    intervals = intervals_of(answers, temperature=1.7)
    p = answers.probabilities(1.7)
    for c, label in enumerate(CLASSIFIER_LABELS[:3]):
        assert intervals.auc[label].auc == pytest.approx(roc_auc_score(answers.labels == c, p[:, c]))
    assert intervals.macro_auc is not None
    assert intervals.macro_auc.auc == pytest.approx(np.mean([a.auc for a in intervals.auc.values()]))
    assert intervals.macro_auc.interval[0] < intervals.macro_auc.auc < intervals.macro_auc.interval[1]


def test_no_error_is_no_certainty() -> None:
    answers = drawn(n=60, strength=50)
    intervals = intervals_of(answers)
    assert intervals.per_class["neutrophil"].recall == (1.0, 1.0)
    # 20 of 20: the exact lower bound is 0.025^(1/20)
    assert intervals.wider("neutrophil", "recall") == (pytest.approx(0.025 ** (1 / 20)), 1.0)
    assert intervals.wider("neutrophil", "precision")[0] == pytest.approx(0.025 ** (1 / 20))


def test_one_class_alone_has_no_area() -> None:
    answers = drawn(n=10, classes=1)
    assert intervals_of(answers).macro_auc is None


def test_a_class_never_answered() -> None:
    answers = drawn(n=30)
    answers.logits[:, 1] = -50
    intervals = intervals_of(answers)
    assert intervals.precision_exact["eosinophil"] == (0.0, 1.0)
    assert intervals.per_class["eosinophil"].f1 == (0.0, 0.0)


def test_details_name_before_after_and_fitted() -> None:
    answers = drawn()
    hot = Answers(answers.logits * 4, answers.labels, answers.laboratories, answers.groups)
    details = details_of(hot, temperature=4.0)
    assert (details.before.temperature, details.after.temperature) == (1.0, 4.0)
    assert details.fitted.nll <= details.after.nll < details.before.nll
    assert details.groups == 240
    assert set(details.as_json()["calibration"]) == {"before", "after", "fitted"}


def test_groups_come_from_the_records(tmp_path) -> None:
    records = [Record(tmp_path / f"{i}", "neutrophil", "bccd", f"bccd/field {i // 2}", "val", f"{i}") for i in range(4)]
    cells = Cells(
        np.zeros((2, 4, 4, 3), np.uint8),
        np.zeros(2, np.int64),
        np.array(["bccd"] * 2),
        np.array(["3", "0"]),
        np.zeros((2, 3)),
        np.array(["bccd/field 1", "bccd/field 0"]),
    )
    assert answers_of(np.zeros((2, N), np.float32), cells, records).groups.tolist() == ["bccd/field 1", "bccd/field 0"]
