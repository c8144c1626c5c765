"""What a card says of the level below the classes: the least confidence, and the answers at it."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_convert.subtypes import RIGHT, least_confidence, subtype_specs, told_table
from hemato_edge.morphology import SUBTYPES
from hemato_training.metrics.calibration import HIGHEST_THRESHOLD


def shares(confidences: list[float], answers: list[int], n: int = 2) -> np.ndarray:
    """Probabilities whose largest is the confidence, at the answer."""
    made = np.repeat((1 - np.array(confidences)[:, None]) / (n - 1), n, axis=1)
    made[np.arange(len(answers)), answers] = confidences
    return made


def test_the_least_confidence_takes_in_as_many_as_are_right_often_enough() -> None:
    given = shares([0.99, 0.95, 0.9, 0.8, 0.7, 0.6], [0, 1, 0, 1, 0, 1])
    truth = np.array([0, 1, 0, 1, 1, 0])
    assert least_confidence(given, truth, right=0.9) == pytest.approx(0.8)
    assert least_confidence(given, truth, right=0.8) == pytest.approx(0.7)
    assert least_confidence(given, 1 - given.argmax(axis=1), right=0.9) == HIGHEST_THRESHOLD


def test_the_table_has_what_was_not_told_in_its_last_column() -> None:
    given = shares([0.9, 0.9, 0.6, 0.8], [0, 1, 1, 1])
    assert told_table(given, np.array([0, 0, 1, 1]), least=0.8) == ((1, 1, 0), (0, 1, 1))


def test_levels_are_judged_on_their_own_cells_alone() -> None:
    rng = np.random.default_rng(3)
    answers = np.full((300, 2), -1)
    answers[:200, 0], answers[200:, 1] = rng.integers(0, 2, 200), rng.integers(0, 3, 100)
    logits = rng.normal(size=(300, 5)).astype(np.float32)
    logits[np.arange(200), answers[:200, 0]] += 3.0
    logits[np.arange(200, 300), 2 + answers[200:, 1]] += 3.0
    form, stage = subtype_specs((logits, answers), (logits[100:], answers[100:]))
    assert [one.name for one in (form, stage)] == list(SUBTYPES)
    assert (form.cells, stage.cells) == (100, 100)
    assert form.answered > 0.7
    assert min(form.right, stage.right) > RIGHT - 0.1
