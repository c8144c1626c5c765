"""Words on coloured bars in a picture: measured, placed where they cover least, and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from hemato_edge.values import Image

Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""
_FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_PX = 22.0
"""Height of a capital of the font at scale 1, pixels."""
_LEAST_SIZE = 0.05
_MARGIN_PX = 3
_LIGHT = 140.0
"""Brightness of a colour (ITU-R BT.601) from which on black letters are read better than white ones."""
_COVERED_TAG = 100.0
"""How much worse it is to cover another tag than as much of a cell."""
_FURTHER = 0.02
"""How much worse each next place round a cell is, in areas of the tag."""


@dataclass(frozen=True, slots=True)
class Tag:
    """Words on a bar.

    Attributes:
        text: ASCII; the font has no other letters.
        colour: of the bar.
        size: scale of the font.
        stroke: width of its lines, pixels.
        width, height: of the bar, pixels.
        base: pixels of the letters below their line.
    """

    text: str
    colour: Colour
    size: float
    stroke: int
    width: int
    height: int
    base: int


def tag_of(text: str, colour: Colour, size: float, widest: int) -> Tag:
    """A tag no wider than `widest` pixels: its letters are smaller where they must be."""
    stroke = max(1, round(1.6 * size))
    (width, height), base = cv2.getTextSize(text, _FONT, size, stroke)
    while width + 2 * _MARGIN_PX > widest and size > _LEAST_SIZE:
        size *= min(0.98, (widest - 2 * _MARGIN_PX) / width)
        stroke = max(1, round(1.6 * size))
        (width, height), base = cv2.getTextSize(text, _FONT, size, stroke)
    return Tag(text, colour, size, stroke, width + 2 * _MARGIN_PX, height + base + 4, base)


def draw_tag(picture: Image, tag: Tag, left: int, top: int) -> None:
    """Draw a tag with its upper left corner there, kept inside the picture."""
    x = int(np.clip(left, 0, max(0, picture.shape[1] - tag.width)))
    y = int(np.clip(top, 0, max(0, picture.shape[0] - tag.height))) + tag.height
    blue, green, red = tag.colour
    ink = (0, 0, 0) if 0.114 * blue + 0.587 * green + 0.299 * red > _LIGHT else (255, 255, 255)
    cv2.rectangle(picture, (x, y - tag.height), (x + tag.width, y), tag.colour, cv2.FILLED)
    where = x + _MARGIN_PX, y - tag.base - 1
    cv2.putText(picture, tag.text, where, _FONT, tag.size, ink, tag.stroke, cv2.LINE_AA)


def places_of(tags: Sequence[Tag], boxes: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.intp]:
    """Upper left corners (N, 2) x y of the tags of N cells: beside the cells, off each other, off cells if possible.

    Args:
        tags: one a cell.
        boxes: (N, 4) x0 y0 x1 y1 of the cells.
        size: width and height of the picture.
    """
    taken = np.zeros((0, 4))
    corners = np.zeros((len(tags), 2), np.intp)
    for i in np.argsort(boxes[:, 1], kind="stable"):
        tag = tags[i]
        extent = np.array([tag.width, tag.height])
        where = np.clip(_around(boxes[i], tag), 0, np.maximum(np.array(size) - extent - 1, 0))
        bars = np.hstack([where, where + extent])
        costs = _COVERED_TAG * _covered(bars, taken) + _covered(bars, boxes)
        corners[i] = where[int(np.argmin(costs + _FURTHER * tag.width * tag.height * np.arange(len(bars))))]
        taken = np.vstack([taken, [*corners[i], *(corners[i] + extent)]])
    return corners


def strip_of(tags: Iterable[Tag], width: int) -> Image:
    """A white strip (H, `width`, 3) with the tags in rows."""
    rows: list[list[tuple[int, Tag]]] = [[]]
    left = _MARGIN_PX
    for tag in tags:
        if rows[-1] and left + tag.width > width:
            rows.append([])
            left = _MARGIN_PX
        rows[-1].append((left, tag))
        left += tag.width + 2 * _MARGIN_PX
    heights = [max(tag.height for _, tag in row) + 2 * _MARGIN_PX for row in rows if row]
    strip = np.full((sum(heights), width, 3), 255, np.uint8)
    top = _MARGIN_PX
    for row, height in zip(rows, heights, strict=False):
        for x, tag in row:
            draw_tag(strip, tag, x, top)
        top += height
    return strip


def _around(box: NDArray[np.float32], tag: Tag) -> NDArray[np.intp]:
    """Corners of a tag round a cell, the usual one first: above, below, at its sides, in it."""
    x0, y0, x1, y1 = (round(float(side)) for side in box)
    left, above = x0 - tag.width, y0 - tag.height
    return np.array(
        [
            *((x0, above), (x1 - tag.width, above), (x0, y1), (x1 - tag.width, y1)),
            *((x1, y0), (x1, y1 - tag.height), (left, y0), (left, y1 - tag.height)),
            *((x1, above), (left, above), (x1, y1), (left, y1), (x0, y0), (x0, y1 - tag.height)),
        ],
        np.intp,
    )


def _covered(bars: NDArray[np.intp], others: NDArray[Any]) -> NDArray[np.float64]:
    """(N,): area of each of the N bars that lies on the others (M, 4), pixels."""
    low = np.maximum(bars[:, None, :2], others[None, :, :2])
    high = np.minimum(bars[:, None, 2:], others[None, :, 2:])
    areas: NDArray[np.float64] = np.prod(np.maximum(high - low, 0), axis=2).sum(axis=1)
    return areas
