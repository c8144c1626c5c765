"""Chart of a run: cost of frames, gain from batches and threads, sustained speed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hemato_edge.bench.measures.inference import combination_of
from hemato_edge.views.images.drawing import PALE, Bar, Dot, Drawing, Label, Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hemato_edge.bench.figures import Report
    from hemato_edge.views.images.drawing import Shape

WIDTH = 760
_LEFT, _RIGHT = 150, 730
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#54278f", "#8c510a", "#56b4e9")
"""Distinguishable by colour-blind people (M. Okabe and K. Ito, 2002)."""
_MOST_POINTS = 400


def draw(report: Report) -> Drawing:
    """All panels, one below the other; panels without figures are omitted."""
    shapes: list[Shape] = []
    title = f"hemato-edge bench on {report.device.board or report.device.processor or report.device.machine}"
    shapes.append(Label(20, 26, title, 15))
    shapes.append(Label(20, 44, f"{report.utc:%Y-%m-%d %H:%M} UTC, {report.device.runtime}", 11, colour="#555555"))
    if report.doubts:
        shapes.append(Label(20, 60, f"Unreliable: {report.doubts[0]}", 11, colour="#b00020"))
    y = 78.0
    for panel in (_frames, _inferences, _sustained):
        drawn, height = panel(report, y)
        shapes += drawn
        y += height
    return Drawing(WIDTH, y + 10, title, tuple(shapes))


def _frames(report: Report, top: float) -> tuple[list[Shape], float]:
    """A line from the fastest frame to the 99th percentile, a bar between median and 95th, a dot at the median."""
    rows = [one for one in report.figures if one.name.startswith("frame.")]
    rows += [one for one in report.figures if one.name.startswith("stage.worst.")]
    if not rows:
        return [], 0.0
    axis = _Axis(min(one.min for one in rows), max(one.p99 for one in rows))
    shapes: list[Shape] = [
        Label(20, top + 12, "Milliseconds a frame: least, median (dot), 95 % (bar), 99 % (line)", 12)
    ]
    bottom = top + 28 + 22 * len(rows)
    shapes += axis.marks(top + 22, bottom)
    for number, one in enumerate(rows):
        y = top + 38 + 22 * number
        colour = _COLOURS[0] if one.name.startswith("frame.") else _COLOURS[2]
        shapes += [
            Label(_LEFT - 8, y + 4, one.name.replace("stage.worst.", "worst: "), 11, "end"),
            Line(((axis.x(one.min), y), (axis.x(one.p99), y)), colour),
            Bar(axis.x(one.p50), y - 5, axis.x(one.p95) - axis.x(one.p50), 10, colour),
            Dot(axis.x(one.p50), y, 3.5),
            Label(axis.x(one.p99) + 5, y + 4, _short(one.p50), 10),
        ]
    return shapes, bottom - top + 30


def _inferences(report: Report, top: float) -> tuple[list[Shape], float]:
    """Median inference time against batch size: one line for each model and number of threads."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for one in report.figures:
        found = combination_of(one.name)
        if found is not None:
            name = f"{found.task}, {found.threads} thread{'s' if found.threads > 1 else ''}"
            lines.setdefault(name, []).append((found.batch, one.p50 / found.batch))
    if not lines:
        return [], 0.0
    values = [ms for line in lines.values() for _, ms in line]
    axis = _Axis(min(values), max(values), vertical=(top + 40, top + 200))
    shapes: list[Shape] = [Label(20, top + 12, "Inference: milliseconds for one crop or window, by batch", 12)]
    shapes += axis.marks(_LEFT, _RIGHT - 130)
    batches = sorted({batch for line in lines.values() for batch, _ in line})
    step = (_RIGHT - 160 - _LEFT) / max(1, len(batches) - 1)
    at = {batch: _LEFT + 10 + step * i for i, batch in enumerate(batches)}
    shapes += [Label(x, top + 218, str(batch), 10, "middle") for batch, x in at.items()]
    for number, (name, line) in enumerate(sorted(lines.items())):
        colour = _COLOURS[number % len(_COLOURS)]
        points = tuple((at[batch], axis.x(ms)) for batch, ms in sorted(line))
        shapes.append(Line(points, colour, 2))
        shapes += [Dot(x, y, 3, colour) for x, y in points]
        shapes += [
            Bar(_RIGHT - 120, top + 44 + 18 * number, 10, 10, colour),
            Label(_RIGHT - 104, top + 53 + 18 * number, name, 11),
        ]
    return shapes, 250.0


def _sustained(report: Report, top: float) -> tuple[list[Shape], float]:
    """Every frame of the worst case in a run without pauses, in order."""
    one = report.figure("sustained.worst")
    if one is None:
        return [], 0.0
    values = one.values
    values = values[:: 1 + len(values) // _MOST_POINTS]
    axis = _Axis(min(values), max(values), vertical=(top + 30, top + 130))
    shapes: list[Shape] = [Label(20, top + 12, f"The worst case without a pause: {one.count} frames, ms each", 12)]
    shapes += axis.marks(_LEFT, _RIGHT)
    step = (_RIGHT - _LEFT) / max(1, len(values) - 1)
    shapes += [Dot(_LEFT + step * i, axis.x(ms), 1.5, _COLOURS[0]) for i, ms in enumerate(values)]
    return shapes, 160.0


class _Axis:
    """A logarithmic axis of milliseconds, to the right, or upwards between the two ends `vertical` (top, bottom)."""

    def __init__(self, low: float, high: float, vertical: tuple[float, float] | None = None) -> None:
        self._vertical = vertical
        self._low = math.log(max(low, 1e-3) / 1.1)
        self._span = max(math.log(max(high, 1e-3) * 1.1) - self._low, 0.1)

    def x(self, ms: float) -> float:
        """Position of a value along the axis."""
        share = (math.log(max(ms, 1e-3)) - self._low) / self._span
        if self._vertical is None:
            return _LEFT + share * (_RIGHT - 40 - _LEFT)
        top, bottom = self._vertical
        return bottom - share * (bottom - top)

    def marks(self, start: float, end: float) -> Iterable[Shape]:
        """Lines across the panel at round values, with their numbers."""
        for ms in self._round_values():
            at = self.x(ms)
            if self._vertical is None:
                yield Line(((at, start), (at, end)), PALE)
                yield Label(at, end + 12, _short(ms), 9, "middle")
            else:
                yield Line(((start, at), (end, at)), PALE)
                yield Label(start - 6, at + 3, _short(ms), 9, "end")

    def _round_values(self) -> Sequence[float]:
        low, high = math.exp(self._low), math.exp(self._low + self._span)
        found: list[float] = []
        for digits in ((1.0, 2.0, 5.0), (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)):
            found = [digit * 10.0**n for n in range(-3, 6) for digit in digits if low <= digit * 10.0**n <= high]
            if len(found) > 2:
                break
        return found


def _short(value: float) -> str:
    return f"{value:.3g}"
