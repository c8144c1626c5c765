"""Intervals that cover the classifier's confusions: simulated coverage, and the cases that can be told beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.counting.confusion import corrected_percentages
from hemato_edge.counting.differential import HIGH, differential
from hemato_edge.labels import CLASSIFIER_LABELS, LEUKOCYTES

TRUTH = np.array([0.52, 0.05, 0.012, 0.26, 0.07, 0.04, 0.018, 0.03])
"""True shares of the classifier's classes in a drawn patient's blood."""
HELD_OUT = 130
"""Held-out cells a class, as in the shipped model's card."""


def confused(error: float) -> np.ndarray:
    """Probabilities (8, 8) of a classifier that errs in `error` of a class, mostly into the next two."""
    n = len(CLASSIFIER_LABELS)
    matrix = np.eye(n) * (1 - error)
    for i in range(n):
        matrix[i, (i + 1) % n] += 0.6 * error
        matrix[i, (i + 3) % n] += 0.3 * error
        matrix[i, (i + 5) % n] += 0.1 * error
    return matrix


@pytest.mark.parametrize(("error", "cells"), [(0.02, 200), (0.08, 200), (0.08, 100)])
def test_the_intervals_cover_the_truth_as_often_as_they_say(error: float, cells: int) -> None:
    rng = np.random.default_rng(11)
    matrix, n = confused(error), len(LEUKOCYTES)
    truth = 100 * TRUTH[:n] / TRUTH[:n].sum()
    covered, sessions = 0, 150
    for _ in range(sessions):
        counts = rng.multinomial(cells, TRUTH @ matrix)
        card = [rng.multinomial(HELD_OUT, row).tolist() for row in matrix]
        found = corrected_percentages(counts.tolist(), [0] * len(counts), card, n, draws=800)
        shown = 100 * counts[:n] / counts[:n].sum()
        covered += sum(
            min(low, seen) <= true <= max(high, seen)
            for (low, _, high), true, seen in zip(found[:n], truth, shown, strict=True)
        )
    assert 0.94 <= covered / (sessions * n) <= 0.97


def test_the_exact_interval_alone_would_promise_too_much() -> None:
    rng = np.random.default_rng(11)
    matrix, n = confused(0.12), len(LEUKOCYTES)
    truth = 100 * TRUTH[:n] / TRUTH[:n].sum()
    covered, sessions = 0, 100
    for _ in range(sessions):
        counts = rng.multinomial(400, TRUTH @ matrix)
        rows = differential(dict(zip(CLASSIFIER_LABELS, counts.tolist(), strict=True))).rows
        covered += sum(row.ci_low <= true <= row.ci_high for row, true in zip(rows, truth, strict=True))  # type: ignore[operator]
    assert covered / (sessions * n) < 0.9


def test_a_known_bias_is_taken_back() -> None:
    card = (1_000_000 * confused(0.1)).tolist()
    expected = TRUTH @ confused(0.1)
    found = corrected_percentages((100_000 * expected).round().tolist(), [0] * 8, card, 6)
    assert [estimate for _, estimate, _ in found[:6]] == pytest.approx(100 * TRUTH[:6] / TRUTH[:6].sum(), abs=0.5)


def test_what_people_named_is_not_corrected() -> None:
    card = [[60, 40], [0, 100]]
    by_machine = corrected_percentages([60, 40], [0, 0], card, 2)
    by_people = corrected_percentages([0, 0], [60, 40], card, 2)
    assert by_machine[0][1] == pytest.approx(100, abs=8)
    assert by_people[0][1] == pytest.approx(60, abs=1)
    assert by_people[0][2] - by_people[0][0] < by_machine[0][2] - by_machine[0][0] + 20


def test_the_same_counts_give_the_same_numbers() -> None:
    card = (130 * confused(0.05)).round().astype(int).tolist()
    assert corrected_percentages([50] * 8, [0] * 8, card, 6) == corrected_percentages([50] * 8, [0] * 8, card, 6)


def test_the_differential_widens_and_says_so() -> None:
    card = (40 * confused(0.2)).round().astype(int).tolist()
    labels = {"neutrophil": 120, "lymphocyte": 60, "monocyte": 20, "erythroblast": 4}
    plain, widened = differential(labels), differential(labels, confusion=card)
    assert (plain.corrected, widened.corrected) == (False, True)
    for before, after in zip(plain.rows, widened.rows, strict=True):
        assert after.count == before.count
        assert after.percent == before.percent
        assert after.ci_low <= after.percent <= after.ci_high  # type: ignore[operator]
    width = [row.rows[0].ci_high - row.rows[0].ci_low for row in (plain, widened)]  # type: ignore[operator]
    assert width[1] > width[0]


def test_without_knowledge_of_a_class_nothing_is_corrected() -> None:
    card = np.eye(8, dtype=int) * 50
    card[2] = 0
    assert not differential({"neutrophil": 10}, confusion=card.tolist()).corrected


def test_cells_that_people_named_all_leave_chance_alone() -> None:
    card = (np.eye(8, dtype=int) * 50).tolist()
    found = differential({"neutrophil": 10}, {"neutrophil": 10}, card)
    assert not found.corrected
    assert found.rows[0].ci_low == pytest.approx(69.15029, abs=1e-5)  # as in test_differential


def test_a_class_is_flagged_only_when_its_whole_interval_lies_outside() -> None:
    labels = {"neutrophil": 60, "eosinophil": 20, "lymphocyte": 20}
    reference = {"neutrophil": (45.0, 55.0), "eosinophil": (0.0, 6.0), "lymphocyte": (40.0, 50.0)}
    flags = {row.label: row.flag for row in differential(labels, reference=reference).rows}
    assert flags["neutrophil"] is None  # 60 lies outside, its interval does not
    assert (flags["eosinophil"], flags["lymphocyte"]) == (HIGH, "low")
    assert flags["monocyte"] is None  # no reference
