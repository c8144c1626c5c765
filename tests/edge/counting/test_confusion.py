"""Intervals that cover the classifier's confusions: simulated coverage, and the cases that can be told beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from hemato_edge.counting.confusion import corrected_percentages
from hemato_edge.counting.differential import HIGH, differential
from hemato_edge.counting.known_confusions import Confusions
from hemato_edge.labels import CLASSIFIER_LABELS, LEUKOCYTES
from hemato_edge.models.bundle import read_bundle, shipped_classifier

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


def at_home(matrix: np.ndarray) -> Confusions:
    """What a card without other laboratories tells."""
    return Confusions(counted(matrix))


def counted(matrix: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """The rows of a matrix of counts."""
    return tuple(tuple(int(count) for count in row) for row in matrix)


@pytest.mark.parametrize(("error", "cells"), [(0.02, 200), (0.08, 200), (0.08, 100)])
def test_the_intervals_cover_the_truth_as_often_as_they_say(error: float, cells: int) -> None:
    rng = np.random.default_rng(11)
    matrix, n = confused(error), len(LEUKOCYTES)
    truth = 100 * TRUTH[:n] / TRUTH[:n].sum()
    covered, sessions = 0, 150
    for _ in range(sessions):
        counts = rng.multinomial(cells, TRUTH @ matrix)
        card = at_home(np.array([rng.multinomial(HELD_OUT, row) for row in matrix]))
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
    card = at_home(1_000_000 * confused(0.1))
    expected = TRUTH @ confused(0.1)
    found = corrected_percentages((100_000 * expected).round().tolist(), [0] * 8, card, 6)
    assert [estimate for _, estimate, _ in found[:6]] == pytest.approx(100 * TRUTH[:6] / TRUTH[:6].sum(), abs=0.5)


def test_what_people_named_is_not_corrected() -> None:
    card = Confusions(((60, 40), (0, 100)))
    by_machine = corrected_percentages([60, 40], [0, 0], card, 2)
    by_people = corrected_percentages([0, 0], [60, 40], card, 2)
    assert by_machine[0][1] == pytest.approx(100, abs=8)
    assert by_people[0][1] == pytest.approx(60, abs=1)
    assert by_people[0][2] - by_people[0][0] < by_machine[0][2] - by_machine[0][0] + 20


def test_the_same_counts_give_the_same_numbers() -> None:
    card = at_home((130 * confused(0.05)).round())
    assert corrected_percentages([50] * 8, [0] * 8, card, 6) == corrected_percentages([50] * 8, [0] * 8, card, 6)


def test_the_differential_widens_and_says_so() -> None:
    card = at_home((40 * confused(0.2)).round())
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
    assert not differential({"neutrophil": 10}, confusion=at_home(card)).corrected


def test_cells_that_people_named_all_leave_chance_alone() -> None:
    card = at_home(np.eye(8) * 50)
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


def laboratory(rng: np.random.Generator, error: float, concentration: float) -> np.ndarray:
    """Probabilities (8, 9) of the answers in a laboratory drawn about a common mean, a quarter not classified."""
    mean = np.concatenate([0.75 * confused(error), np.full((8, 1), 0.25)], axis=1)
    return np.array([rng.dirichlet(concentration * np.maximum(row, 1e-6)) for row in mean])


@dataclass
class Coverage:
    """How often an interval held the truth, and how wide it was, percent."""

    held: float = 0.0
    width: float = 0.0


def strange_microscopes(sessions: int, reviewed: int, concentration: float) -> dict[str, Coverage]:
    """Sessions on microscopes that were never seen, read with what is known at home, abroad, and of each itself."""
    rng, n = np.random.default_rng(4), len(LEUKOCYTES)
    found = {name: Coverage() for name in ("home", "abroad", "here")}
    for _ in range(sessions):
        own = laboratory(rng, 0.1, concentration)
        blood = TRUTH * rng.dirichlet(np.full(8, 20.0))
        blood /= blood.sum()
        *counts, silent = rng.multinomial(200, blood @ own).tolist()
        home = counted(np.array([rng.multinomial(HELD_OUT, row) for row in confused(0.02)]))
        others = [np.array([rng.multinomial(60, row) for row in laboratory(rng, 0.1, concentration)]) for _ in range(5)]
        for other in others:
            other[5:] = 0  # laboratories abroad show five types only
        abroad = tuple(counted(other) for other in others)
        here = np.array([rng.multinomial(k, row) for k, row in zip(rng.multinomial(reviewed, blood), own, strict=True)])
        known = {"home": Confusions(home), "abroad": Confusions(home, abroad)}
        known["here"] = Confusions(home, abroad, counted(here))
        truth, shown = 100 * blood[:n] / blood[:n].sum(), 100 * np.array(counts[:n]) / sum(counts[:n])
        for name, confusions in known.items():
            rows = corrected_percentages(counts, [0] * 8, confusions, n, silent, draws=1000)[:n]
            ends = [(min(low, seen), max(high, seen)) for (low, _, high), seen in zip(rows, shown, strict=True)]
            held = [low <= true <= high for (low, high), true in zip(ends, truth, strict=True)]
            found[name].held += sum(held) / n / sessions
            found[name].width += sum(high - low for low, high in ends) / n / sessions
    return found


def test_a_strange_microscope_needs_the_spread_between_laboratories() -> None:
    found = strange_microscopes(30, reviewed=100, concentration=10)
    assert found["home"].held < 0.85
    assert 0.92 <= found["abroad"].held <= 0.99
    assert 0.92 <= found["here"].held <= 0.99
    assert found["home"].width < found["here"].width < found["abroad"].width


@pytest.mark.slow
@pytest.mark.parametrize("concentration", [5, 10, 50, 300])
def test_intervals_abroad_cover_the_truth_as_often_as_they_say(concentration: float) -> None:
    found = strange_microscopes(250, reviewed=100, concentration=concentration)
    assert 0.92 <= found["abroad"].held <= 0.985
    assert 0.92 <= found["here"].held <= 0.985


def test_where_laboratories_agree_a_strange_microscope_is_like_home() -> None:
    home = counted((HELD_OUT * confused(0.02)).round())
    abroad = tuple(
        counted(np.concatenate([(100 * confused(0.02)).round(), np.zeros((8, 1))], axis=1)) for _ in range(5)
    )
    labels = [100, 10, 3, 50, 14, 8, 4, 6]
    near, far = (
        corrected_percentages(labels, [0] * 8, known, 6) for known in (Confusions(home), Confusions(home, abroad))
    )
    for (low, _, high), (low_abroad, _, high_abroad) in zip(near[:6], far[:6], strict=True):
        assert high_abroad - low_abroad == pytest.approx(high - low, rel=0.35, abs=1.5)


def test_a_class_that_is_often_left_out_is_reckoned_back() -> None:
    """Half of the monocytes here are not classified, so of 20 that are named there were 40."""
    monocyte = CLASSIFIER_LABELS.index("monocyte")
    here = np.concatenate([np.eye(8) * 4000, np.zeros((8, 1))], axis=1)
    here[monocyte, monocyte] = here[monocyte, -1] = 2000
    counts = [160, 0, 0, 0, 20, 0, 0, 0]
    found = corrected_percentages(counts, [0] * 8, Confusions(counted(np.eye(8) * 100), (), counted(here)), 6)
    assert found[monocyte][1] == pytest.approx(20, abs=2)


def test_left_out_laboratories_are_covered_by_the_others() -> None:
    """Each laboratory of the shipped model's card as the strange microscope, read with those that are left."""
    card = read_bundle(shipped_classifier()).card
    home = counted(np.array(card.confusion))
    laboratories = {name: np.array(matrix, float) for name, matrix in card.abroad.items()}
    rng, n, held, sessions = np.random.default_rng(8), len(LEUKOCYTES), [], 8
    for name, cells in laboratories.items():
        known = cells.sum(axis=1) >= 10
        own = np.zeros_like(cells)
        own[known] = cells[known] / cells[known].sum(axis=1, keepdims=True)
        others = tuple(counted(matrix) for other, matrix in laboratories.items() if other != name)
        for _ in range(sessions):
            blood = np.where(known, TRUTH * rng.dirichlet(np.full(8, 20.0)), 0)
            blood /= blood.sum()
            *counts, silent = rng.multinomial(300, blood @ own).tolist()
            rows = corrected_percentages(counts, [0] * 8, Confusions(home, others), n, silent, 1000)
            shown, truth = 100 * np.array(counts[:n]) / max(1, sum(counts[:n])), 100 * blood[:n]
            held.append(
                np.mean(
                    [
                        min(low, seen) <= true <= max(high, seen)
                        for (low, _, high), seen, true in zip(rows[:n], shown, truth, strict=True)
                    ]
                )
            )
    assert np.mean(held) > 0.85
