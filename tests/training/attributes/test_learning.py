from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras")

from hemato_edge.errors import ConfigurationError
from hemato_training.attributes.learning import Plan, fit_branch
from hemato_training.networks.attribute_branch import Standard, build_branch
from hemato_training.progress import Silent


def test_a_branch_takes_features_as_they_are_once_their_standard_is_folded_in() -> None:
    rng = np.random.default_rng(1)
    pooled = (rng.normal(0, 1, (50, 6)) * [1e-3, 1, 1, 2, 5, 1] + 3).astype(np.float32)
    maps = (rng.random((50, 8, 8, 4), np.float32), rng.random((50, 4, 4, 4), np.float32))
    branch = build_branch(((8, 8, 4), (4, 4, 4), (6,)), 5)
    standard = Standard(pooled)
    before = branch.predict((*maps, standard.of(pooled)), verbose=0)
    standard.fold_into(branch)
    assert branch.predict((*maps, pooled), verbose=0) == pytest.approx(before, abs=1e-3)
    assert np.abs(standard.of(pooled)[:, 0]).max() < 0.01  # no fine feature is blown up


def test_a_branch_learns_what_pooled_features_cannot_tell() -> None:
    """Bars that lie or stand: the mean over places is the same."""
    rng = np.random.default_rng(1)
    answers = rng.integers(0, 2, (160, 1))
    coarse = rng.normal(0, 0.1, (160, 4, 4, 2))
    for cell, (stands,) in zip(coarse, answers, strict=True):
        place = rng.integers(0, 4)
        if stands:
            cell[:, place] += 1
        else:
            cell[place] += 1
    maps = [coarse.repeat(2, 1).repeat(2, 2), coarse, coarse.mean(axis=(1, 2))]
    given = [one.astype(np.float16) for one in maps]
    views = [[one[:128] for one in given]] * 10  # as good as so many epochs, each of which is one more `fit`
    branch = fit_branch(views, answers[:128], [2], Plan(epochs=6), Silent())
    held_out = branch.predict(tuple(one[128:].astype(np.float32) for one in given), verbose=0)
    assert np.mean(held_out.argmax(axis=1) == answers[128:, 0]) > 0.9


def test_a_plan_that_shows_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        Plan(views=0)
