from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.evidence.paired import mcnemar, paired

stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 9), (12, 3), (40, 41), (200, 150)])
def test_mcnemar_is_the_binomial_test(first: int, second: int) -> None:
    total = first + second
    expected = stats.binomtest(first, total).pvalue if total else 1.0
    assert mcnemar(first, second) == pytest.approx(expected)


def test_a_better_model_is_told_from_an_equal_one() -> None:
    rng = np.random.default_rng(1)
    groups = np.array([str(i // 2) for i in range(400)])
    strata = np.full(400, "x")
    first = rng.random(400) < 0.7
    better = paired(first, first | (rng.random(400) < 0.5), groups, strata)
    assert better.only_first == 0
    assert better.p_value < 1e-6
    assert 0 < better.difference_interval[0] < better.difference < better.difference_interval[1]
    same = paired(first, rng.permutation(first), groups, strata)
    assert same.difference == pytest.approx(0)
    assert same.difference_interval[0] < 0 < same.difference_interval[1]
    assert (same.cells, same.groups) == (400, 200)


def test_cells_of_one_group_are_one_piece_of_evidence() -> None:
    first = np.zeros(60, bool)
    second = np.arange(60) < 30
    apart = paired(first, second, np.arange(60).astype(str), np.full(60, "x"))
    together = paired(first, second, (np.arange(60) // 15).astype(str), np.full(60, "x"))
    assert np.ptp(together.difference_interval) > 2 * np.ptp(apart.difference_interval)
