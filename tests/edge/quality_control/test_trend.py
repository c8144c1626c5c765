"""The trend test on series with known answers."""

from __future__ import annotations

from random import Random

import pytest

from hemato_edge.quality_control.trend import SIGNIFICANT, sessions_until, trend


def test_a_steady_climb_is_told_with_its_slope_and_when_it_arrives() -> None:
    found = trend([100 + 2 * i for i in range(12)])
    assert found is not None
    assert found.drifts
    assert found.slope == 2
    assert (found.first, found.last) == (100, 122)
    assert sessions_until(found, 132) == 5
    assert sessions_until(found, 90) is None


def test_p_is_kendalls() -> None:
    # S = 45 - 2·1 = 43 of a series of 10 with one exchange; variance 10·9·25/18 = 125; z = 42/√125 = 3.757
    found = trend([1, 2, 3, 4, 6, 5, 7, 8, 9, 10])
    assert found is not None
    assert found.p == pytest.approx(0.000172, abs=2e-6)


def test_ties_count_and_a_constant_series_does_not_drift() -> None:
    found = trend([3.0] * 15)
    assert found is not None
    assert (found.p, found.slope, found.drifts) == (1, 0, False)
    assert sessions_until(found, 5) is None


def test_one_wild_value_does_not_make_a_trend() -> None:
    values = [50.0, 51, 49, 50.5, 49.5, 50.2, 49.8, 50.4, 49.7, 50.1, 49.9, 500]
    found = trend(values)
    assert found is not None
    assert not found.drifts
    assert abs(found.slope) < 0.1


def test_chance_is_called_drift_as_seldom_as_said() -> None:
    chance = Random(1)
    told = sum(trend([chance.gauss(0, 1) for _ in range(30)]).drifts for _ in range(1000))  # type: ignore[union-attr]
    assert told <= 2 * SIGNIFICANT * 1000


def test_too_few_values_have_no_trend() -> None:
    assert trend([1.0] * 9) is None
