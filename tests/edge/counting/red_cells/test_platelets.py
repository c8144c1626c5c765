"""Platelets by red cells and by oil-immersion fields."""

from __future__ import annotations

import math

import pytest

from hemato_edge.counting.density import per_1000
from hemato_edge.counting.red_cells.platelets import by_oil_field, by_red_count, platelet_looks


def test_a_normal_smear_gives_a_normal_count_either_way() -> None:
    """250 platelets to 5,000 red cells at 5 x 10^12/L, and 12 to 17 platelets in an oil field, are 250 x 10^9/L."""
    ratio = per_1000(250, 5000)
    assert ratio is not None
    low, value, high = by_red_count(ratio, 5.0)
    assert value == pytest.approx(250)
    assert low == pytest.approx(219, abs=2)
    assert high == pytest.approx(284, abs=2)
    low, value, high = by_oil_field((12.5 / 0.0314, 14.3 / 0.0314, 16.7 / 0.0314))
    assert (low, value, high) == pytest.approx((187.5, 250, 334), rel=0.01)


def test_a_ratio_without_end_has_none() -> None:
    assert per_1000(5, 0) is None
    ratio = per_1000(0, 1000)
    assert ratio is not None
    assert ratio[:2] == (0, 0)
    assert math.isfinite(ratio[2])


@pytest.mark.parametrize(("seen", "clumped", "told"), [(19, 19, None), (100, 4, False), (100, 5, True), (20, 0, False)])
def test_clumps_are_told_from_enough_platelets(seen: int, clumped: int, told: bool | None) -> None:
    looks = platelet_looks({"platelets_seen": seen, "platelets_clumped": clumped})
    assert looks is not None
    assert looks.clumps is told
    assert platelet_looks({"frames": 3}) is None
