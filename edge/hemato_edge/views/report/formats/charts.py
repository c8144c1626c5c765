"""Drawings of the printed report as inline SVG: interval bars and the way over the slide."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from hemato_edge.labels import BY_NAME
from hemato_edge.languages import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hemato_edge.store.records import FieldRecord, Place
    from hemato_edge.views.report.model import ClassShare

BAR_WIDTH, BAR_HEIGHT = 240, 18
"""Units of an interval bar; 0 to 100 % lie `_MARGIN` inside."""
_MARGIN = 12
MAP_WIDTH, MAP_HEIGHT = 680, 300
"""Largest size of one region's map, units."""
MAX_REGIONS = 6
_MAX_FIELDS, MAX_CELLS = 1500, 5000


def interval_bar(row: ClassShare, language: str = "en") -> str:
    """One class: a band (reference), a line (95 % interval), a dot (percentage) and a tick (estimate)."""
    middle = BAR_HEIGHT / 2
    parts = [f'<line x1="{_x(0)}" x2="{_x(100)}" y1="{middle}" y2="{middle}" stroke="#dddddd"/>']
    shown_as = BY_NAME[row.label]
    if row.reference:
        low, high = (_x(end) for end in row.reference)
        parts.append(f'<rect x="{low}" y="2" width="{high - low:.1f}" height="{BAR_HEIGHT - 4}" fill="#e6ecf2"/>')
    if row.percent is not None and row.interval is not None:
        colour = shown_as.colour
        low, high, at = _x(row.interval[0]), _x(row.interval[1]), _x(row.percent)
        parts.append(f'<line x1="{low}" x2="{high}" y1="{middle}" y2="{middle}" stroke="{colour}" stroke-width="3"/>')
        parts.extend(
            f'<line x1="{end}" x2="{end}" y1="{middle - 4}" y2="{middle + 4}" stroke="{colour}"/>'
            for end in (low, high)
        )
        parts.append(f'<circle cx="{at}" cy="{middle}" r="4" fill="{colour}"/>')
        if row.estimate is not None:
            at = _x(row.estimate)
            parts.append(f'<line x1="{at}" x2="{at}" y1="1" y2="{BAR_HEIGHT - 1}" stroke="#111111"/>')
    _ = words_of(language)
    return _svg(BAR_WIDTH, BAR_HEIGHT, parts, _("95 % interval: {what}", what=_(shown_as.plural)))


def bar_axis(language: str = "en") -> str:
    """The scale over the interval bars."""
    marks = (f'<text x="{_x(at)}" y="12" text-anchor="middle" font-size="9">{at}</text>' for at in (0, 25, 50, 75, 100))
    return _svg(BAR_WIDTH, BAR_HEIGHT - 4, marks, words_of(language)("percent"))


def slide_map(
    fields: Sequence[FieldRecord], cells: Iterable[Place], um_per_px: float | None = None, language: str = "en"
) -> str:
    """One region of the slide: the fields, the way from one to the next, and the judged cells in their colours.

    Args:
        fields: of one region, with a place, in the order of recording.
        cells: of that region.
        um_per_px: micrometres a pixel, for a scale bar; None for none.
        language: of the title.
    """
    boxes = [(f.x_px or 0.0, f.y_px or 0.0, f.width, f.height) for f in fields]
    left, top = min(x for x, *_ in boxes), min(y for _, y, *_ in boxes)
    width = max(x + w for x, _, w, _ in boxes) - left
    height = max(y + h for _, y, _, h in boxes) - top
    scale = min(MAP_WIDTH / width, MAP_HEIGHT / height)
    boxes = boxes[:: max(1, len(boxes) // _MAX_FIELDS)]
    parts = [
        f'<rect x="{(x - left) * scale:.1f}" y="{(y - top) * scale:.1f}" width="{w * scale:.1f}" '
        f'height="{h * scale:.1f}" fill="#8fb0cc" fill-opacity="0.03" stroke="#8fb0cc" stroke-opacity="0.25" '
        f'stroke-width="0.5"/>'
        for x, y, w, h in boxes
    ]
    way = " ".join(f"{(x + w / 2 - left) * scale:.1f},{(y + h / 2 - top) * scale:.1f}" for x, y, w, h in boxes)
    parts.append(f'<polyline points="{way}" fill="none" stroke="#456" stroke-width="0.8" stroke-opacity="0.6"/>')
    parts.extend(
        f'<circle cx="{(cell.x_px - left) * scale:.1f}" cy="{(cell.y_px - top) * scale:.1f}" r="2.4" '
        f'fill="{BY_NAME[cell.name].colour}"/>'
        for cell in cells
    )
    size = (width * scale, height * scale + (18 if um_per_px else 0))
    if um_per_px:
        parts.append(_scale_bar(scale / um_per_px, size))
    title = words_of(language)("{n} fields, {drawn} drawn", n=len(fields), drawn=len(boxes))
    return _svg(*size, parts, title)


def _scale_bar(units_per_um: float, size: tuple[float, float]) -> str:
    length_um = next((um for um in (1000, 500, 200, 100, 50, 20) if um * units_per_um <= size[0] / 3), 10)
    end, y = length_um * units_per_um, size[1] - 5
    return (
        f'<line x1="0" x2="{end:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="#111111" stroke-width="2"/>'
        f'<text x="{end + 5:.1f}" y="{y + 3:.1f}" font-size="10">{length_um} µm</text>'
    )


def _x(percent: float) -> float:
    return round(_MARGIN + (BAR_WIDTH - 2 * _MARGIN) * percent / 100, 1)


def _svg(width: float, height: float, parts: Iterable[str], title: str) -> str:
    return (
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )
