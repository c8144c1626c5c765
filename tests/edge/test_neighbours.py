"""Pairs of near points, against the table of all with all."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.neighbours import near_pairs


@pytest.mark.parametrize(("many", "others", "reach"), [(40, 60, 12.0), (300, 1, 30.0), (1, 200, 0.0), (0, 5, 9.0)])
def test_the_pairs_are_those_of_the_whole_table(many: int, others: int, reach: float) -> None:
    rng = np.random.default_rng(many)
    mine, theirs = rng.uniform(0, 100, (many, 2)).round(), rng.uniform(0, 100, (others, 2)).round()
    apart = np.abs(mine[:, None] - theirs[None]).max(axis=2)
    i, j = near_pairs(mine, theirs, reach)
    assert np.array_equal(np.column_stack([i, j]), np.argwhere(apart <= reach))


def test_no_others_are_near_nothing() -> None:
    i, j = near_pairs(np.ones((3, 2)), np.zeros((0, 2)), 5.0)
    assert len(i) == len(j) == 0
