"""A Levey-Jennings chart: sessions in standard deviations from their baseline's mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.languages import words_of
from hemato_edge.quality_control.lots import BASELINE
from hemato_edge.quality_control.westgard import WARNING_RULE
from hemato_edge.views.images.drawing import INK, PALE, Bar, Dot, Drawing, Label, Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.quality_control.lots import Chart, Point
    from hemato_edge.views.images.drawing import Shape

WIDTH, HEIGHT = 720, 150
MOST_POINTS = 90
"""The newest sessions are drawn."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 712, 12, 128
_FARTHEST = 4.0
_GROUND, _LIMIT = "#f1f1f1", "#b00020"
_OK, _WARNING, _OUT = "#0072b2", "#e69f00", "#b00020"
"""Distinguishable by colour-blind people (M. Okabe and K. Ito, 2002), and the rules are written beside the dots."""


def levey_jennings(chart: Chart, language: str = "en") -> Drawing:
    """The newest sessions of a chart that has limits; what lies beyond 4 standard deviations is drawn at 4."""
    _ = words_of(language)
    title = _("{measure}, in standard deviations", measure=_(chart.measure.title))
    return Drawing(WIDTH, HEIGHT, title, tuple(_shapes(chart, _(BASELINE), _("mean"))))


def _shapes(chart: Chart, baseline: str, mean: str) -> Iterator[Shape]:
    points = [point for point in chart.points if point.z is not None][-MOST_POINTS:]
    step = (_RIGHT - _LEFT) / max(1, len(points))
    at = [(_LEFT + step * (i + 0.5), _y(point.z or 0.0)) for i, point in enumerate(points)]
    base = sum(point.baseline for point in points)
    if base and points[0].baseline:
        yield Bar(_LEFT, _TOP, step * base, _BOTTOM - _TOP, _GROUND)
        yield Label(_LEFT + 3, _TOP + 9, baseline, 8, colour="#666666")
    for limit in range(-3, 4):
        colour = _LIMIT if abs(limit) == 3 else INK if not limit else PALE
        yield Line(((_LEFT, _y(limit)), (_RIGHT, _y(limit))), colour, 0.8)
        yield Label(_LEFT - 5, _y(limit) + 3, f"{limit:+d} SD" if limit else mean, 8, "end")
    if len(at) > 1:
        yield Line(tuple(at), "#888888", 0.8)
    every = max(1, len(points) // 12)
    for i, (point, (x, y)) in enumerate(zip(points, at, strict=True)):
        yield Dot(x, y, 2.6, _colour(point))
        if point.broken:
            name = next((one for one in point.broken if one != WARNING_RULE), WARNING_RULE)
            yield Label(x, y - 5 if y > _TOP + 12 else y + 11, name, 7, "middle", _colour(point))
        if i % every == 0 or i == len(points) - 1:
            yield Label(x, _BOTTOM + 12, str(point.session), 8, "middle")


def _y(z: float) -> float:
    middle = (_TOP + _BOTTOM) / 2
    return middle - max(-_FARTHEST, min(_FARTHEST, z)) / _FARTHEST * (_BOTTOM - _TOP) / 2


def _colour(point: Point) -> str:
    if set(point.broken) - {WARNING_RULE}:
        return _OUT
    return _WARNING if point.broken else _OK
