"""The differential's arithmetic against published tables, the definition, and SciPy where it is installed."""

from __future__ import annotations

import math

import pytest

from hemato_edge.counting.differential import differential
from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.labels import LEUKOCYTES


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        # C. L. Rümke's 95 % limits for differential counts: whole percent, rounded outwards
        (0, 100, 0, 4),
        (1, 100, 0, 6),
        (5, 100, 1, 12),
        (10, 100, 4, 18),
        (50, 100, 39, 61),
        (100, 100, 96, 100),
        (2, 200, 0, 4),
        (20, 200, 6, 16),
        (100, 200, 42, 58),
    ],
)
def test_the_limits_that_haematologists_use(count: int, total: int, low: int, high: int) -> None:
    found = clopper_pearson(count, total)
    assert (math.floor(100 * found[0]), math.ceil(100 * found[1])) == (low, high)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (0, 10, 0.0, 0.3084971),  # 1 - 0.025^(1/10)
        (10, 10, 0.6915029, 1.0),
        (10, 100, 0.0490047, 0.1762226),  # R: binom.test(10, 100)
        (1, 2, 0.0125791, 0.9874209),  # 1 - sqrt(0.975) and its mirror image
    ],
)
def test_known_intervals(count: int, total: int, low: float, high: float) -> None:
    assert clopper_pearson(count, total) == pytest.approx((low, high), abs=1e-7)


def upper_tail(count: int, total: int, p: float) -> float:
    """P(X ≥ count) of the binomial distribution, summed up term by term."""
    return math.fsum(math.comb(total, k) * p**k * (1 - p) ** (total - k) for k in range(count, total + 1))


@pytest.mark.parametrize("total", [1, 7, 100, 200])
def test_the_ends_are_what_clopper_and_pearson_define(total: int) -> None:
    for count in range(0, total + 1, max(1, total // 9)):
        low, high = clopper_pearson(count, total)
        assert 0 <= low <= count / total <= high <= 1
        if count:
            assert upper_tail(count, total, low) == pytest.approx(0.025, rel=1e-6)
        if count < total:
            assert 1 - upper_tail(count + 1, total, high) == pytest.approx(0.025, rel=1e-6)


def test_against_scipy() -> None:
    beta = pytest.importorskip("scipy.stats").beta
    for total in (1, 3, 33, 400, 10_000, 100_000):
        for count in {0, 1, total // 3, total // 2, total - 1, total}:
            low, high = clopper_pearson(count, total)
            assert low == pytest.approx(beta.ppf(0.025, count, total - count + 1) if count else 0, abs=1e-9)
            assert high == pytest.approx(beta.ppf(0.975, count + 1, total - count) if count < total else 1, abs=1e-9)


@pytest.mark.parametrize("wrong", [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(wrong: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no interval"):
        clopper_pearson(*wrong)


def test_percentages_are_of_classified_white_cells() -> None:
    found = differential({"neutrophil": 61, "lymphocyte": 39, "unclassified": 7, "erythroblast": 5, "platelet": 9})
    rows = {row.label: row for row in found.rows}
    assert tuple(rows) == LEUKOCYTES
    assert (found.classified, found.unclassified, found.erythroblasts) == (100, 7, 5)
    assert rows["neutrophil"].percent == 61
    assert rows["neutrophil"].ci_low == pytest.approx(50.73, abs=0.01)
    assert rows["neutrophil"].ci_high == pytest.approx(70.60, abs=0.01)
    assert (rows["basophil"].count, rows["basophil"].percent, rows["basophil"].ci_low) == (0, 0, 0)
    assert rows["basophil"].ci_high == pytest.approx(3.62, abs=0.01)
    assert sum(row.percent or 0 for row in found.rows) == 100
    assert found.erythroblasts_per_100 == 5
    assert found.white_count_factor == pytest.approx(100 / 105)


@pytest.mark.parametrize("labels", [{}, {"unclassified": 3, "erythroblast": 2}])
def test_without_a_classified_cell_there_is_no_percentage(labels: dict[str, int]) -> None:
    found = differential(labels)
    assert [(row.count, row.percent, row.ci_low, row.ci_high) for row in found.rows] == [(0, None, None, None)] * 6
    assert found.erythroblasts_per_100 is None
    assert found.white_count_factor is None


@pytest.mark.parametrize("labels", [{"neutrophill": 3}, {"neutrophil": -1}])
def test_what_is_no_count_of_cells_is_refused(labels: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="not counts"):
        differential(labels)
