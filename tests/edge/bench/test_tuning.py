"""Which number of threads is chosen from frames whose truth is known."""

from __future__ import annotations

import numpy as np

from hemato_edge.bench.tuning import judge


def frames(median: float, seed: int) -> list[list[float]]:
    chance = np.random.default_rng(seed)
    return [(median * np.exp(0.03 * chance.normal(size=20))).tolist() for _ in range(5)]


def test_the_surely_fastest_wins() -> None:
    found = judge(1, {1: frames(40, 1), 2: frames(25, 2), 4: frames(30, 3)})
    assert (found.best, found.improves) == (2, True)
    assert [one.threads for one in found.candidates] == [1, 2, 4]


def test_a_gain_within_the_spread_changes_nothing() -> None:
    found = judge(2, {1: frames(40, 1), 2: frames(25.2, 2), 4: frames(25, 3)})
    assert (found.best, found.improves) == (2, False)


def test_fewer_threads_may_be_better() -> None:
    assert judge(4, {1: frames(40, 1), 2: frames(25, 2), 4: frames(60, 3)}).best == 2
