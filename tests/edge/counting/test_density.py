"""Cells per area and volume, and the area that fields cover together."""

from __future__ import annotations

import random

import pytest

from hemato_edge.counting.density import density, union_area


@pytest.mark.parametrize(
    ("rectangles", "area"),
    [
        ([], 0),
        ([(0, 0, 4, 3)], 12),
        ([(0, 0, 4, 3), (0, 0, 4, 3)], 12),
        ([(0, 0, 4, 3), (2, 1, 6, 4)], 20),
        ([(0, 0, 4, 3), (4, 0, 8, 3)], 24),  # they touch
        ([(-5, -5, 5, 5), (-1, -1, 1, 1)], 100),  # one within the other
        ([(0, 0, 1, 1), (10, 10, 11, 11)], 2),
    ],
)
def test_every_place_counts_once(rectangles: list[tuple[float, float, float, float]], area: float) -> None:
    assert union_area(rectangles) == pytest.approx(area)


def test_it_agrees_with_counting_squares() -> None:
    draw = random.Random(3)
    boxes = []
    for _ in range(40):
        x, y = draw.randrange(60), draw.randrange(60)
        boxes.append((x, y, x + draw.randrange(1, 20), y + draw.randrange(1, 20)))
    squares = {(i, j) for x0, y0, x1, y1 in boxes for i in range(x0, x1) for j in range(y0, y1)}
    assert union_area(boxes) == pytest.approx(len(squares))


def test_a_density_carries_its_poisson_interval() -> None:
    found = density(10, 0.5, 0.4)
    assert found.per_mm2 == pytest.approx((9.59, 20, 36.78), rel=1e-3)  # Garwood's 4.795 to 18.39 on half a mm²
    assert found.e9_per_l == pytest.approx(tuple(0.4 * value for value in found.per_mm2))


def test_no_area_has_no_density() -> None:
    with pytest.raises(ValueError, match="no density"):
        density(1, 0, 1)
