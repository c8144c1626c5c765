"""Cells per square millimetre and per litre, from the area of slide that was seen. Pure arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.counting.intervals import clopper_pearson, poisson

if TYPE_CHECKING:
    from collections.abc import Iterable

Rectangle = tuple[float, float, float, float]
"""x0 y0 x1 y1."""


@dataclass(frozen=True, slots=True)
class Density:
    """Cells per area, and per volume by a rule of thumb; each figure with its 95 % Poisson interval.

    The intervals cover counting statistics, not the rule of thumb, the smear's thickness or the locator's errors.

    Attributes:
        count: cells in the area.
        per_mm2: (low, figure, high) per square millimetre.
        e9_per_l: (low, figure, high) in 10^9 per litre of blood.
    """

    count: int
    per_mm2: tuple[float, float, float]
    e9_per_l: tuple[float, float, float]


def density(count: int, area_mm2: float, factor: float) -> Density:
    """The density of `count` cells on `area_mm2` square millimetres.

    Args:
        count: unique cells.
        area_mm2: monolayer area, each place counted once.
        factor: 10^9 per litre of blood for one cell per square millimetre.

    Raises:
        ValueError: no area.
    """
    if area_mm2 <= 0:
        msg = f"no density on {area_mm2} mm²"
        raise ValueError(msg)
    low, high = poisson(count)
    per_mm2 = (low / area_mm2, count / area_mm2, high / area_mm2)
    return Density(count, per_mm2, (factor * per_mm2[0], factor * per_mm2[1], factor * per_mm2[2]))


def per_1000(count: int, red: int, area_ratio: float = 1.0) -> tuple[float, float, float] | None:
    """Cells per 1,000 red cells, each kind over its own area, (low, value, high); None without red cells.

    Of c cells and r red cells the former are binomial with p = a / (a + 1), where a is the ratio of the expected counts
    (J. Przyborowski and H. Wilenski, Biometrika 31, 1940); so the exact interval of p gives that of the ratio. The high
    end is infinite where it has no end.

    Args:
        count: cells of a kind.
        red: red cells.
        area_ratio: area on which the red cells were counted, by that of the others.
    """
    if not red or area_ratio <= 0:
        return None
    low, high = clopper_pearson(count, count + red)
    scale = 1000 * area_ratio
    return scale * low / (1 - low), scale * count / red, math.inf if high >= 1 else scale * high / (1 - high)


def union_area(rectangles: Iterable[Rectangle]) -> float:
    """The area of the union of rectangles, by a sweep along x."""
    edges = sorted((x, entering, y0, y1) for x0, y0, x1, y1 in rectangles for x, entering in ((x0, True), (x1, False)))
    open_spans: list[tuple[float, float]] = []
    area = reached = 0.0
    for x, entering, y0, y1 in edges:
        if x > reached and open_spans:
            area += (x - reached) * _covered(open_spans)
        reached = x
        if entering:
            open_spans.append((y0, y1))
        else:
            open_spans.remove((y0, y1))
    return area


def _covered(spans: list[tuple[float, float]]) -> float:
    """The length of the union of intervals."""
    length, reached = 0.0, float("-inf")
    for low, high in sorted(spans):
        if high > reached:
            length += high - max(low, reached)
            reached = high
    return length
