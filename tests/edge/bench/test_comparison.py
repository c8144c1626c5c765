"""Verdicts on samples whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hemato_edge.bench.comparison import compare, ratio_interval, read_report, verdict
from hemato_edge.bench.figures import Unit, figure
from hemato_edge.errors import BenchError


def visits(
    median: float, seed: int, *, between: float = 0.02, within: float = 0.05, count: int = 5
) -> list[list[float]]:
    """Times with a spread between visits and one within them, skewed to the right as times are."""
    chance = np.random.default_rng(seed)
    return [
        (median * np.exp(between * chance.normal() + within * np.abs(chance.normal(size=40)))).tolist()
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    ("change", "unit", "said"),
    [
        (0.7, "ms", "faster"),
        (1.4, "ms", "slower"),
        (1.4, "frames/s", "faster"),  # more frames a second are better
        (0.7, "frames/s", "slower"),
        (1.0, "ms", "no difference shown"),
        (1.01, "ms", "no difference shown"),  # smaller than two runs of the same program differ
    ],
)
def test_known_differences(change: float, unit: Unit, said: str) -> None:
    for seed in range(5):
        (one,) = compare([figure("a", visits(10, seed), unit)], [figure("a", visits(10 * change, 100 + seed), unit)])
        assert one.verdict == said
        assert one.ratio is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.ratio <= one.high
        assert one.ratio == pytest.approx(change, rel=0.1)


def test_no_difference_is_rarely_taken_for_one() -> None:
    """Two runs of the same program, whose visits differ by more than what passes within them."""
    verdicts = [
        verdict(ratio_interval(visits(10, seed, between=0.05), visits(10, 1000 + seed, between=0.05), seed), "ms")
        for seed in range(60)
    ]
    assert verdicts.count("no difference shown") >= 57


def test_a_difference_within_the_spread_is_not_shown() -> None:
    old, new = visits(10, 1, between=0.3), visits(11, 2, between=0.3)
    assert verdict(ratio_interval(old, new), "ms") == "no difference shown"


def test_what_only_one_run_has_is_said() -> None:
    found = compare([figure("gone", [[1.0]])], [figure("fresh", [[2.0]])])
    assert [(one.name, one.verdict) for one in found] == [
        ("fresh", "only in this run"),
        ("gone", "only in the old run"),
    ]
    assert (found[0].old, found[0].new, found[1].old, found[1].new) == (None, 2.0, 1.0, None)


def test_a_file_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="cannot be read"):
        read_report(tmp_path / "nothing.json")
    (tmp_path / "x.json").write_text('{"schema": "hemato-edge/bench/0"}')
    with pytest.raises(BenchError, match="no run of this kind"):
        read_report(tmp_path / "x.json")


@pytest.mark.parametrize("few", [[[10.0]], [[10.0, 10.1, 9.9, 10.0, 10.2, 10.1]], [[10.0], [10.1], [9.9]]])
def test_single_measurements_get_no_verdict(few: list[list[float]]) -> None:
    for old, new in ((few, visits(20, 1)), (visits(20, 1), few), (few, [[20.0]])):
        (one,) = compare([figure("a", old)], [figure("a", new)])
        assert (one.verdict, one.ratio) == ("too few measurements", None)


def test_figures_that_are_not_to_be_trusted_get_no_verdict() -> None:
    (one,) = compare([figure("a", visits(10, 1))], [figure("a", visits(20, 2))], trusted=False)
    assert one.verdict == "not to be trusted"
    assert one.ratio is not None
