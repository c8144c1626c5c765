from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.evidence.bootstrap import interval, resample


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
