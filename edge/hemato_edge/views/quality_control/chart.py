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

WIDTH, HEIGHT = 380, 170
"""Pixels: as wide as a phone, so that what is written in it can be read there."""
MOST_POINTS = 60
"""The newest sessions are drawn."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 376, 12, 148
_TEXT, _RULE, _DOT = 10, 9, 2.8
"""Pixels: heights of letters, and the radius of a dot where there is room."""
_NUMBERS = 8
"""Sessions whose number is written, about."""
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
        yield Label(_LEFT + 3, _TOP + 10, baseline, _TEXT, colour="#666666")
    for limit in range(-3, 4):
        colour = _LIMIT if abs(limit) == 3 else INK if not limit else PALE
        yield Line(((_LEFT, _y(limit)), (_RIGHT, _y(limit))), colour, 0.8)
        yield Label(_LEFT - 5, _y(limit) + 4, f"{limit:+d} SD" if limit else mean, _TEXT, "end")
    if len(at) > 1:
        yield Line(tuple(at), "#888888", 0.8)
    every = max(1, len(points) // _NUMBERS)
    for i, (point, (x, y)) in enumerate(zip(points, at, strict=True)):
        yield Dot(x, y, min(_DOT, step / 2), _colour(point))
        if point.broken:
            name = next((one for one in point.broken if one != WARNING_RULE), WARNING_RULE)
            yield Label(x, y - 5 if y > _TOP + 12 else y + 12, name, _RULE, "middle", _colour(point))
        if (len(points) - 1 - i) % every == 0:
            yield Label(x, _BOTTOM + 14, str(point.session), _TEXT, "middle")


def _y(z: float) -> float:
    middle = (_TOP + _BOTTOM) / 2
    return middle - max(-_FARTHEST, min(_FARTHEST, z)) / _FARTHEST * (_BOTTOM - _TOP) / 2


def _colour(point: Point) -> str:
    if set(point.broken) - {WARNING_RULE}:
        return _OUT
    return _WARNING if point.broken else _OK
