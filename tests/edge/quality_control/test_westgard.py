"""Each rule at its limit and just short of it, after Westgard et al. (1981)."""

from __future__ import annotations

import pytest

from hemato_edge.quality_control.westgard import broken_rules


@pytest.mark.parametrize(
    ("z", "last"),
    [
        ((0.0, 1.9), ()),
        ((0.0, 2.1), ("1-2s",)),
        ((0.0, -3.1), ("1-2s", "1-3s")),
        ((2.1, 2.1), ("1-2s", "2-2s")),
        ((2.1, -2.1), ("1-2s", "R-4s")),
        ((2.1, 1.9), ()),
        ((3.0, -1.5), ()),
        ((1.1, 1.1, 1.1, 1.1), ("4-1s",)),
        ((1.1, 1.1, 1.1, -1.1), ()),
        ((1.1, 1.1, 1.1, 1.0), ()),
        ((0.1,) * 10, ("10-x",)),
        ((0.1,) * 9, ()),
        ((0.1,) * 9 + (0.0,), ()),
        ((-0.1,) * 9 + (-3.5,), ("1-2s", "1-3s", "10-x")),
    ],
)
def test_a_rule_holds_from_its_limit_on(z: tuple[float, ...], last: tuple[str, ...]) -> None:
    assert broken_rules(z)[-1] == last


def test_every_result_is_judged_with_those_before_it_alone() -> None:
    assert broken_rules((0.0, 2.5, 2.5, 0.0)) == [(), ("1-2s",), ("1-2s", "2-2s"), ()]
    assert broken_rules(()) == []
