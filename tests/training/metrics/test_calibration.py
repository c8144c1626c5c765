from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.temperature import calibrated
from hemato_training.metrics.calibration import (
    LOWEST_THRESHOLD,
    expected_calibration_error,
    fit_temperature,
    left_out_threshold,
    negative_log_likelihood,
    rejection_threshold,
    softmax,
)

N = len(CLASSIFIER_LABELS)


def drawn_logits(n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is exactly the chance that each label is true."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, N)).astype(np.float32)
    labels = np.array([rng.choice(N, p=p) for p in softmax(logits)])
    return logits, labels


@pytest.mark.parametrize("spoilt", [0.4, 1.0, 3.0])
def test_temperature_is_recovered(spoilt: float) -> None:
    logits, labels = drawn_logits()
    assert fit_temperature(logits * spoilt, labels) == pytest.approx(spoilt, rel=0.06)


def test_temperature_makes_confidence_honest() -> None:
    logits, labels = drawn_logits()
    hot = logits * 3
    assert expected_calibration_error(softmax(hot), labels) > 0.1
    assert expected_calibration_error(softmax(hot, fit_temperature(hot, labels)), labels) < 0.03


def test_softmax_is_the_device_s() -> None:
    logits, _ = drawn_logits(50)
    assert np.allclose(softmax(logits, 1.7), calibrated(logits, 1.7), atol=1e-6)


def test_likelihood_of_a_certain_wrong_answer_is_finite() -> None:
    assert np.isfinite(negative_log_likelihood(np.array([[1000.0, 0.0]], np.float32), np.array([1])))


def probabilities(confidence: list[float], right: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    p = np.zeros((len(confidence), N))
    p[:, 0] = confidence
    p[:, 1] = 1 - np.array(confidence)
    return p, np.where(right, 0, 2)


@pytest.mark.parametrize(
    ("confidence", "right", "expected"),
    [
        # the wrong one is the least sure: half way to it
        ([0.99, 0.95, 0.9, 0.6], [True, True, True, False], 0.75),
        # nothing wrong: only the floor counts
        ([0.99, 0.95, 0.9, 0.6], [True, True, True, True], 0.5),
        ([0.99, 0.8], [True, False], 0.895),
        # the surest is wrong: nothing can be accepted
        ([0.99, 0.9], [False, True], 0.999),
        # equal confidences stand or fall together
        ([0.9, 0.9, 0.9], [True, True, False], 0.999),
    ],
)
def test_threshold(confidence: list[float], right: list[bool], expected: float) -> None:
    p, labels = probabilities(confidence, right)
    found = rejection_threshold(p, labels)
    assert found == pytest.approx(expected, abs=1e-3)
    assert found >= LOWEST_THRESHOLD


def test_threshold_keeps_the_promise() -> None:
    logits, labels = drawn_logits(3000, seed=4)
    p = softmax(logits * 2.0)
    accepted = p.max(axis=1) >= rejection_threshold(p, labels, 0.05)
    assert accepted.any()
    assert np.mean(p.argmax(axis=1)[accepted] != labels[accepted]) <= 0.05


def certain(confidences: list[float], right: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of two classes and the truth: the first is always answered."""
    first = np.array(confidences)
    return np.column_stack([first, 1 - first]), np.where(right, 0, 1)


def test_the_left_out_threshold_is_the_lowest_that_keeps_what_is_asked() -> None:
    easy = certain([0.9] * 20, [True] * 20)
    hard = certain([0.98] * 19 + [0.93] * 10, [True] * 19 + [False] * 10)
    threshold, reached = left_out_threshold([easy, hard])
    assert not reached  # over 0.9 the easy one has no answer left, under it the hard one is wrong
    also_sure = certain([0.9] * 10 + [0.99] * 10, [True] * 20)
    threshold, reached = left_out_threshold([also_sure, hard])
    assert reached
    assert 0.93 < threshold <= 0.95
    assert left_out_threshold([also_sure, hard], (0.6, 0.6)) == (LOWEST_THRESHOLD, True)


def test_the_worst_laboratory_counts_as_well_as_the_mean() -> None:
    fine = [certain([0.99] * 40, [True] * 40)] * 9
    poor = certain([0.99] * 10 + [0.7] * 10, [True] * 10 + [False] * 3 + [True] * 7)
    threshold, reached = left_out_threshold([*fine, poor])  # in the mean 98.5 % right without any rejection
    assert reached
    assert threshold > 0.7
