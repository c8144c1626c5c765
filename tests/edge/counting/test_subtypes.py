"""Shares below a class are of the told cells, with exact intervals and the model's own mistakes."""

from __future__ import annotations

import pytest
from scipy.stats import beta

from hemato_edge.counting.subtypes import subtypes_in

FORM = {"neutrophil_form": [[45, 5, 17], [4, 46, 16]]}


def test_a_share_is_of_the_cells_that_were_told_apart() -> None:
    described = {"neutrophil": {"neutrophil_form": {"segmented": 40, "band": 4}, "nucleus_shape": {"x": 9}}}
    (found,) = subtypes_in(FORM, described, {"neutrophil": 61, "lymphocyte": 9})
    assert (found.label, found.cells, found.told) == ("neutrophil", 61, 44)
    band, segmented = found.shares
    assert (band.value, band.cells, segmented.cells) == ("band", 4, 40)
    exact = [100 * beta.ppf(0.025, 4, 41), 100 * 4 / 44, 100 * beta.ppf(0.975, 5, 40)]
    assert band.percent == pytest.approx(exact, abs=1e-6)
    assert (band.mistaken_percent, segmented.mistaken_percent) == (pytest.approx(8.0), pytest.approx(10.0))


def test_told_of_another_class_does_not_count() -> None:
    described = {"lymphocyte": {"neutrophil_form": {"band": 3}}}  # a person named them so
    (found,) = subtypes_in(FORM, described, {"neutrophil": 2, "lymphocyte": 3})
    assert (found.cells, found.told) == (2, 0)
    assert {share.percent for share in found.shares} == {None}


@pytest.mark.parametrize(
    "recorded", [{}, {"neutrophil_form": None}, {"neutrophil_form": [[1, 2]]}, {"neutrophil_form": [[1, 2], [3, 4]]}]
)
def test_a_model_without_the_level_says_nothing(recorded: dict[str, object]) -> None:
    assert subtypes_in(recorded, {}, {"neutrophil": 9}) == []


def test_without_a_cell_of_the_class_there_is_nothing_to_say() -> None:
    assert subtypes_in(FORM, {}, {"lymphocyte": 9}) == []
