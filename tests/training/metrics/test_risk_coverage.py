from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.metrics.answers import Answers
from hemato_training.metrics.calibration import (
    calibration_error_by_chance,
    classwise_calibration_error,
    expected_calibration_error,
    reliability,
    softmax,
)
from hemato_training.metrics.crossfit import crossfit, halve
from hemato_training.metrics.risk_coverage import risk_coverage

N = len(CLASSIFIER_LABELS)


def sure(confidence: list[float], right: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    p = np.zeros((len(confidence), N))
    p[:, 0] = confidence
    p[:, 1] = 1 - np.array(confidence)
    return p, np.where(right, 0, 2)


def test_risk_coverage_worked_by_hand() -> None:
    p, labels = sure([0.9, 0.8, 0.7, 0.6], [True, True, False, True])
    curve = risk_coverage(p, labels)
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert curve.risk == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert curve.aurc == pytest.approx((1 / 3 + 1 / 4) / 4)
    # the same answers in the best order: the error last
    assert curve.excess_aurc == pytest.approx((1 / 3 + 1 / 4) / 4 - (1 / 4) / 4)
    assert curve.threshold == pytest.approx(0.75)
    assert (curve.threshold_coverage, curve.threshold_error) == (0.5, 0.0)
    assert len(curve.as_json()["curve"]) == 100


@pytest.mark.parametrize("right", [[True, False], [False, True]])
def test_equal_confidences_have_no_order(right: list[bool]) -> None:
    assert risk_coverage(*sure([0.8, 0.8], right)).risk == pytest.approx([0.5, 0.5])


def test_more_error_allowed_never_answers_less() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 2, (500, N))
    labels = np.array([rng.choice(N, p=p) for p in softmax(logits)])
    p = softmax(logits * 1.5)
    coverages = [risk_coverage(p, labels, allowed).threshold_coverage for allowed in (0.01, 0.05, 0.2)]
    assert coverages == sorted(coverages)


def test_nothing_to_judge() -> None:
    with pytest.raises(ValueError, match="no cell"):
        risk_coverage(np.zeros((0, N)), np.zeros(0, int))


def test_calibration_error_worked_by_hand() -> None:
    # two bins of 15: 0.9 (one right, one wrong) and 0.6 (one right)
    p, labels = sure([0.9, 0.9, 0.6], [True, False, True])
    assert expected_calibration_error(p, labels) == pytest.approx((2 * 0.4 + 1 * 0.4) / 3)
    assert [(b.cells, b.accuracy) for b in reliability(p, labels)] == [(1, 1.0), (2, 0.5)]
    assert reliability(p, labels)[1].confidence == pytest.approx(0.9)


def test_classwise_calibration_error_worked_by_hand() -> None:
    p = np.zeros((4, N))
    p[:, 0] = [0.8, 0.8, 0.8, 0.8]
    p[:, 1] = 0.2
    errors = classwise_calibration_error(p, np.array([0, 0, 0, 1]))
    assert errors[0] == pytest.approx(0.8 - 0.75)
    assert errors[1] == pytest.approx(0.25 - 0.2)
    assert errors[2:].tolist() == [0] * (N - 2)


def test_few_cells_show_a_calibration_error_by_chance() -> None:
    p, _ = sure([0.7] * 100, [True] * 100)
    mean, most = calibration_error_by_chance(p)
    # one bin: the mean distance of a binomial share from 0.7, σ·√(2/π)
    assert mean == pytest.approx(np.sqrt(0.7 * 0.3 / 100) * np.sqrt(2 / np.pi), rel=0.1)
    assert most == pytest.approx(1.96 * np.sqrt(0.7 * 0.3 / 100), rel=0.15)
    certain, _ = sure([1.0] * 10, [True] * 10)
    assert calibration_error_by_chance(certain) == (0.0, 0.0)


def drawn_answers(n: int = 1200, spoilt: float = 3.0) -> Answers:
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 2, (n, N))
    labels = np.array([rng.choice(N, p=p) for p in softmax(logits)])
    names = np.where(np.arange(n) // 2 % 4 == 0, "away", "home")
    return Answers((logits * spoilt).astype(np.float32), labels, names, (np.arange(n) // 2).astype(str))


def test_halves_keep_groups_whole_and_strata_even() -> None:
    answers = drawn_answers()
    half = halve(answers, 0)
    assert np.array_equal(half[0::2], half[1::2])
    assert 0.45 < half.mean() < 0.55
    home = answers.laboratories == "home"
    assert np.array_equal(halve(answers.select(home), 0), half[home])


def test_crossfit_finds_the_temperature_and_reports_worse_than_the_same_cells() -> None:
    answers = drawn_answers()
    found = crossfit(answers, ("home",), halvings=3)
    assert found is not None
    assert found.temperature == pytest.approx(3.0, rel=0.15)
    assert found.temperature_range[0] <= found.temperature <= found.temperature_range[1]
    assert found.fitted_on == ("home",)
    assert (found.laboratories["away"].cells, found.overall.cells) == (300, 900)
    assert found.overall.ece < 0.07
    low, high = found.overall.accepted_error_range
    assert low <= found.overall.accepted_error <= high


def test_only_the_named_laboratories_choose() -> None:
    answers = drawn_answers()
    hot = answers.logits.copy()
    hot[answers.laboratories == "away"] *= 50
    spoilt = Answers(hot, answers.labels, answers.laboratories, answers.groups)
    one, other = crossfit(answers, ("home",), halvings=2), crossfit(spoilt, ("home",), halvings=2)
    assert one is not None
    assert other is not None
    assert (one.temperature, one.threshold) == (other.temperature, other.threshold)


def test_too_few_to_halve() -> None:
    assert crossfit(drawn_answers(), ("nowhere",)) is None
