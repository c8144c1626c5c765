"""A drawing made of a few shapes, written as SVG, as a page, or as PNG: the device has no plotting library."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INK, PALE = "#222222", "#d8d8d8"
_PNG_SCALE = 2
_ASCII = str.maketrans({"µ": "u", "×": "x", "–": "-", "·": "-", "°": " "})
"""OpenCV's letters are ASCII."""


@dataclass(frozen=True, slots=True)
class Line:
    """From a point through others; units of the drawing."""

    points: tuple[tuple[float, float], ...]
    colour: str = INK
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    colour: str = INK


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float = 3.0
    colour: str = INK


@dataclass(frozen=True, slots=True)
class Label:
    """Words; `anchor` is "start", "middle" or "end" and says which part of them lies at x, y is their base line."""

    x: float
    y: float
    text: str
    size: float = 11.0
    anchor: str = "start"
    colour: str = INK


Shape = Line | Bar | Dot | Label


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes on white, painted in their order."""

    width: float
    height: float
    title: str
    shapes: tuple[Shape, ...]

    def as_svg(self) -> str:
        """One SVG document."""
        return (
            f'<svg role="img" aria-label="{escape(self.title)}" xmlns="http://www.w3.org/2000/svg" '
            f'viewBox="0 0 {self.width:.0f} {self.height:.0f}" width="{self.width:.0f}" height="{self.height:.0f}" '
            f'font-family="sans-serif"><rect width="100%" height="100%" fill="#ffffff"/>'
            f"<desc>{escape(RESEARCH_USE_NOTICE)}</desc>{''.join(map(_svg, self.shapes))}</svg>"
        )

    def as_html(self) -> str:
        """One page that needs nothing else."""
        title = escape(self.title)
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
            f'<body style="font-family:sans-serif"><h1 style="font-size:1.2rem">{title}</h1>{self.as_svg()}'
            f"<p>{escape(RESEARCH_USE_NOTICE)}</p></body></html>"
        )

    def as_png(self) -> bytes:
        """A PNG, twice as many pixels as units."""
        import cv2
        import numpy as np

        size = (round(self.height * _PNG_SCALE), round(self.width * _PNG_SCALE), 3)
        image = np.full(size, 255, np.uint8)
        for shape in self.shapes:
            _paint(image, shape)
        return cv2.imencode(".png", image)[1].tobytes()


def _svg(shape: Shape) -> str:
    if isinstance(shape, Line):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
        return f'<polyline points="{points}" fill="none" stroke="{shape.colour}" stroke-width="{shape.width:g}"/>'
    if isinstance(shape, Bar):
        return (
            f'<rect x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}" '
            f'fill="{shape.colour}"/>'
        )
    if isinstance(shape, Dot):
        return f'<circle cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{shape.radius:g}" fill="{shape.colour}"/>'
    return (
        f'<text x="{shape.x:.1f}" y="{shape.y:.1f}" font-size="{shape.size:g}" text-anchor="{shape.anchor}" '
        f'fill="{shape.colour}">{escape(shape.text)}</text>'
    )


def _paint(image: NDArray[np.uint8], shape: Shape) -> None:
    import cv2

    colour = tuple(int(shape.colour[i : i + 2], 16) for i in (5, 3, 1))
    if isinstance(shape, Line):
        width = max(1, round(shape.width * _PNG_SCALE))
        for one, other in zip(shape.points, shape.points[1:], strict=False):
            cv2.line(image, _pixel(*one), _pixel(*other), colour, width, cv2.LINE_AA)
    elif isinstance(shape, Bar):
        end = _pixel(shape.x + shape.width, shape.y + shape.height)
        cv2.rectangle(image, _pixel(shape.x, shape.y), end, colour, cv2.FILLED)
    elif isinstance(shape, Dot):
        cv2.circle(image, _pixel(shape.x, shape.y), round(shape.radius * _PNG_SCALE), colour, cv2.FILLED, cv2.LINE_AA)
    else:
        text, font, height = shape.text.translate(_ASCII), cv2.FONT_HERSHEY_SIMPLEX, shape.size * _PNG_SCALE / 30
        width = cv2.getTextSize(text, font, height, 1)[0][0]
        x, y = _pixel(shape.x, shape.y)
        x -= {"start": 0, "middle": width // 2, "end": width}[shape.anchor]
        cv2.putText(image, text, (x, y), font, height, colour, 1, cv2.LINE_AA)


def _pixel(x: float, y: float) -> tuple[int, int]:
    return round(x * _PNG_SCALE), round(y * _PNG_SCALE)
