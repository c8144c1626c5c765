from __future__ import annotations

import numpy as np
import pytest

from hemato_training.metrics.bootstrap import confusions, interval, resample, weighted_auc


def test_strata_keep_their_sizes_and_groups_stay_whole() -> None:
    groups = np.array(["a", "a", "b", "c", "d", "e"])
    strata = np.array(["x", "x", "x", "x", "y", "y"])
    drawn = resample(groups, strata, 300)
    assert drawn.shape == (300, 6)
    assert np.array_equal(drawn[:, 0], drawn[:, 1])
    assert np.all(drawn[:, [0, 2, 3]].sum(axis=1) == 3)
    assert np.all(drawn[:, 4:].sum(axis=1) == 2)
    assert np.array_equal(drawn, resample(groups, strata, 300))
    assert not np.array_equal(drawn, resample(groups, strata, 300, seed=8))


def test_confusion_of_every_resample() -> None:
    drawn = np.array([[1, 1, 1], [2, 0, 1]], np.float32)
    found = confusions(drawn, np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    assert found.tolist() == [[[1, 1], [0, 1]], [[2, 0], [0, 1]]]


def test_interval_covers_as_often_as_it_says() -> None:
    """Of a share of 0.8 of 200 cells: the standard error is known, and about 95 in 100 intervals hold the truth."""
    rng = np.random.default_rng(3)
    n, held, widths = 200, 0, []
    names, one = np.arange(n).astype(str), np.full(n, "all")
    for seed in range(100):
        right = (rng.random(n) < 0.8).astype(np.float32)
        low, high = interval(resample(names, one, 400, seed) @ right / n)
        held += low <= 0.8 <= high
        widths.append(high - low)
    assert 88 <= held <= 99
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.sqrt(0.8 * 0.2 / n), rel=0.08)


def test_cells_of_one_field_widen_the_interval() -> None:
    right = np.repeat([1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0], 10).astype(np.float32)
    one = np.full(80, "all")
    alone = interval(resample(np.arange(80).astype(str), one) @ right / 80)
    fields = interval(resample(np.repeat(np.arange(8), 10).astype(str), one) @ right / 80)
    assert fields[1] - fields[0] > 2 * (alone[1] - alone[0])


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
