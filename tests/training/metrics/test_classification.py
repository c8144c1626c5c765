from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("sklearn")

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.metrics.classification import figures_of

N = len(CLASSIFIER_LABELS)


def test_figures_of_a_case_worked_by_hand() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1])
    answers = np.array([0, 0, 0, 1, 1, 0])
    figures = figures_of(np.eye(N, dtype=np.float32)[answers] * 9, truth)
    assert figures.accuracy == pytest.approx(4 / 6)
    assert figures.balanced_accuracy == pytest.approx((3 / 4 + 1 / 2) / 2)
    first = figures.per_class["neutrophil"]
    assert (first.precision, first.recall, first.support) == (pytest.approx(3 / 4), pytest.approx(3 / 4), 4)
    assert figures.confusion[0][:2] == [3, 1]
    assert figures.weighted.recall == pytest.approx(figures.accuracy)
    # labels that do not occur neither help nor hurt the macro figures
    assert figures.macro.recall == pytest.approx(figures.balanced_accuracy)
    assert figures.per_class["platelet"].support == 0


def test_threshold_splits_answers() -> None:
    logits = np.zeros((2, N), np.float32)
    logits[0, 0] = 9
    figures = figures_of(logits, np.array([0, 3]), threshold=0.5)
    assert figures.accepted == 0.5
    assert figures.accepted_error == 0.0
    assert figures_of(logits, np.array([0, 3]), threshold=0.9999).accepted_error == 0.0


def test_json_and_empty() -> None:
    json.dumps(figures_of(np.eye(N, dtype=np.float32), np.arange(N)).as_json())
    with pytest.raises(ValueError, match="no cell"):
        figures_of(np.zeros((0, N), np.float32), np.zeros(0, int))
