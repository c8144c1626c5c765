"""Exact Poisson intervals against a published table and SciPy where it is installed."""

from __future__ import annotations

import pytest

from hemato_edge.counting.intervals import poisson, student_tail


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [  # F. Garwood 1936, as in E. S. Pearson and H. O. Hartley, Biometrika Tables, table 40
        (0, 0.0, 3.689),
        (1, 0.0253, 5.572),
        (10, 4.795, 18.391),
        (50, 37.11, 65.92),
    ],
)
def test_the_limits_of_the_tables(count: int, low: float, high: float) -> None:
    assert poisson(count) == pytest.approx((low, high), rel=1e-3)


@pytest.mark.parametrize("count", [3, 400, 20_000])
def test_it_agrees_with_scipy(count: int) -> None:
    gamma = pytest.importorskip("scipy.stats").gamma
    assert poisson(count) == pytest.approx((gamma.ppf(0.025, count), gamma.ppf(0.975, count + 1)), rel=1e-8)


@pytest.mark.parametrize("freedom", [1, 2, 49])
@pytest.mark.parametrize("t", [-3.0, -0.1, 0.0, 0.5, 1.886, 40.0])
def test_the_tail_of_student_agrees_with_scipy(t: float, freedom: int) -> None:
    student = pytest.importorskip("scipy.stats").t
    assert student_tail(t, freedom) == pytest.approx(student.sf(t, freedom), rel=1e-8)


def test_no_tail_without_freedom() -> None:
    with pytest.raises(ValueError, match="no t distribution of 0"):
        student_tail(1.0, 0)


@pytest.mark.parametrize("wrong", [(-1, 0.95), (1, 0.0), (1, 1.0)])
def test_what_has_no_interval_is_refused(wrong: tuple[int, float]) -> None:
    with pytest.raises(ValueError, match="no interval"):
        poisson(*wrong)
