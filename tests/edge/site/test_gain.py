"""A gain is one of the answers themselves, not of lower confidence, and is shown where chance seldom gives it."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.site.gain import gain

K = 4


def answers(labels: np.ndarray, right: np.ndarray, confidence: float) -> np.ndarray:
    """(n, K) float32: the truth where `right`, else the next class, always with this probability."""
    best = np.where(right, labels, (labels + 1) % K)
    shares = np.full((len(labels), K), (1 - confidence) / (K - 1))
    shares[np.arange(len(labels)), best] = confidence
    return shares.astype(np.float32)


def each(number: int) -> np.ndarray:
    return np.arange(number).astype(str)


def test_more_right_answers_are_a_gain_and_fewer_are_none() -> None:
    labels = np.arange(60) % K
    few, many = np.arange(60) % 10 < 6, np.arange(60) % 10 < 8
    found = gain(answers(labels, few, 0.9), answers(labels, many, 0.9), labels, each(60))
    assert found.mean > 0.1
    assert found.chance < 0.01
    back = gain(answers(labels, many, 0.9), answers(labels, few, 0.9), labels, each(60))
    assert back.mean < -0.1
    assert back.chance == 1


@pytest.mark.parametrize("power", [0.4, 0.8, 2.0])
def test_the_same_answers_more_or_less_sure_are_no_gain(power: float) -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, K, 200)
    shipped = rng.dirichlet(np.ones(K), 200) + 1.5 * np.eye(K)[np.where(rng.random(200) < 0.7, labels, 0)]
    shipped /= shipped.sum(axis=1, keepdims=True)
    other = shipped**power / (shipped**power).sum(axis=1, keepdims=True)
    found = gain(shipped.astype(np.float32), other.astype(np.float32), labels, each(200))
    assert abs(found.mean) < 2e-3
    assert found.chance > 0.1


def test_what_a_label_tells_about_its_slide_is_counted_once() -> None:
    """Twenty cells of a slide that are all better tell no more than one slide that is better."""
    labels = np.arange(80) % K
    shipped, own = (answers(labels, right, 0.9) for right in (np.arange(80) >= 20, np.ones(80, bool)))
    alone = gain(shipped, own, labels, each(80))
    slides = gain(shipped, own, labels, np.repeat(each(4), 20))
    assert slides.mean == alone.mean
    assert alone.chance < 0.001
    assert slides.chance > 0.1  # nearly 1 of three degrees of freedom
    assert gain(shipped, own, labels, np.repeat("1", 80)).chance == 1


def test_heavy_cells_that_are_answered_alike_hide_no_gain_of_others() -> None:
    labels = np.arange(50) % K
    doubtful = np.arange(50) < 25
    shipped, own = (answers(labels, ~doubtful | better, 0.9) for better in (np.arange(50) % 2 == 0, doubtful))
    weights = np.where(doubtful, 1.0, 20.0)
    assert gain(shipped, own, labels, each(50), weights).chance < 0.01
    assert gain(own, shipped, labels, each(50), weights).chance == 1


def test_a_heavy_cell_that_turns_wrong_outweighs_light_ones_that_turn_right() -> None:
    labels = np.arange(50) % K
    light, heavy = np.arange(50) < 10, np.arange(50) == 49
    shipped, own = answers(labels, ~light, 0.9), answers(labels, ~heavy, 0.9)
    assert gain(shipped, own, labels, each(50)).chance < 0.1
    assert gain(shipped, own, labels, each(50), np.where(heavy, 40.0, 1.0)).mean < 0


def test_a_rare_class_that_is_lost_hides_no_small_gain_of_a_frequent_one() -> None:
    labels = np.repeat([0, 1], [90, 10])
    rare, some = labels == 1, np.arange(100) % 9 == 0
    shipped, own = answers(labels, rare | ~some, 0.9), answers(labels, ~rare | (np.arange(100) < 92), 0.9)
    assert gain(shipped, own, labels, each(100)).mean < 0  # 10 of 90 turn right, 8 of 10 turn wrong
    assert np.mean(own.argmax(axis=1) == labels) > np.mean(shipped.argmax(axis=1) == labels)
