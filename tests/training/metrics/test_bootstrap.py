from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.evidence.bootstrap import resample
from hemato_training.metrics.bootstrap import confusions, weighted_auc


def test_confusion_of_every_resample() -> None:
    drawn = np.array([[1, 1, 1], [2, 0, 1]], np.float32)
    found = confusions(drawn, np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    assert found.tolist() == [[[1, 1], [0, 1]], [[2, 0], [0, 1]]]


@pytest.mark.parametrize(
    ("scores", "positive", "expected"),
    [
        ([0.1, 0.4, 0.35, 0.8], [False, False, True, True], 0.75),
        ([1, 1, 1, 1], [False, True, True, False], 0.5),  # ties count half
        ([3, 2, 1], [True, False, False], 1.0),
        ([1, 2, 2, 3], [True, False, True, False], 0.125),
        ([1, 2], [True, True], np.nan),  # nothing to compare with
    ],
)
def test_auc_worked_by_hand(scores: list[float], positive: list[bool], expected: float) -> None:
    found = weighted_auc(np.ones((1, len(scores)), np.float32), np.array(scores, float), np.array(positive))
    assert found[0] == pytest.approx(expected, nan_ok=True)


def test_auc_of_a_resample_is_that_of_the_repeated_cells() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    scores, positive = np.round(rng.normal(size=60), 1), rng.random(60) < 0.4
    drawn = resample(np.arange(60).astype(str), np.where(positive, "p", "n"), 5)
    for counts, found in zip(drawn.astype(int), weighted_auc(drawn, scores, positive), strict=True):
        again = metrics.roc_auc_score(np.repeat(positive, counts), np.repeat(scores, counts))
        assert found == pytest.approx(again)
