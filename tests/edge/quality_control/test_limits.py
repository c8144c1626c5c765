"""Distances from a baseline, against the distributions summed term by term."""

from __future__ import annotations

from math import comb, sqrt
from statistics import NormalDist

import pytest

from hemato_edge.quality_control.limits import FARTHEST, measure_z, share_z
from hemato_edge.quality_control.westgard import broken_rules


def beta_binomial(total: int, a: float, b: float) -> list[float]:
    """Its probabilities by Pólya's urn, each from products alone."""
    found = []
    for count in range(total + 1):
        value = float(comb(total, count))
        for i in range(count):
            value *= (a + i) / (a + b + i)
        for i in range(total - count):
            value *= (b + i) / (a + b + count + i)
        found.append(value)
    return found


@pytest.mark.parametrize(("count", "total"), [(0, 40), (3, 40), (9, 40), (40, 40), (1, 1), (60, 100)])
@pytest.mark.parametrize(("base_count", "base_total"), [(0, 500), (3, 500), (120, 500), (500, 500), (0, 0)])
def test_a_share_lies_where_its_prediction_has_it(count: int, total: int, base_count: int, base_total: int) -> None:
    chances = beta_binomial(total, base_count + 0.5, base_total - base_count + 0.5)
    assert sum(chances) == pytest.approx(1)
    low, high = sum(chances[:count]) + chances[count] / 2, sum(chances[count + 1 :]) + chances[count] / 2
    z = NormalDist().inv_cdf(max(low, 1e-300)) if low < high else -NormalDist().inv_cdf(max(high, 1e-300))
    expected = max(-FARTHEST, min(FARTHEST, z))
    if abs(count - total * (base_count + 0.5) / (base_total + 1)) <= 0.5:
        expected = 0.0
    assert share_z(count, total, base_count, base_total) == pytest.approx(expected, abs=1e-6)


def test_with_many_cells_it_is_the_familiar_p_chart() -> None:
    p, n = 0.6, 1000
    for off in (-3, -2, 1, 3):
        count = round(n * p + off * sqrt(n * p * (1 - p)))
        exact = (count - n * p) / sqrt(n * p * (1 - p))
        assert share_z(count, n, 60_000, 100_000) == pytest.approx(exact, abs=0.06)


def test_a_class_that_the_baseline_never_had_has_a_limit() -> None:
    assert share_z(0, 100, 0, 2000) == pytest.approx(0.0, abs=0.1)
    assert share_z(1, 100, 0, 2000) > 1.9
    assert share_z(3, 100, 0, 2000) > 3


def test_a_class_that_is_hardly_ever_there_does_not_lie_below_its_mean_for_ever() -> None:
    assert share_z(0, 200, 0, 4000) == 0.0
    assert broken_rules([share_z(0, 200, 3, 4000)] * 12)[-1] == ()
    assert broken_rules([share_z(0, 200, 60, 4000)] * 12)[-1] == ("4-1s", "10-x")  # three a session, and none since


def test_what_lies_far_off_is_capped_and_large_counts_are_summed() -> None:
    assert share_z(20_000, 20_000, 10, 100_000) == FARTHEST
    assert share_z(0, 20_000, 90_000, 100_000) == -FARTHEST
    assert measure_z(50, 41, 0.1) == FARTHEST
    assert measure_z(40.8, 41, 0.1) == pytest.approx(-2)


def test_impossible_shares_and_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="no share"):
        share_z(5, 4, 0, 10)
    with pytest.raises(ValueError, match="no scale"):
        measure_z(1, 1, 0)
