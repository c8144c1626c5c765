"""A field at the standard scale, cut into windows of the network's input size.

Red cells have the same size in every window, whatever the objective and the camera. A smaller field is padded with
background; a larger one is covered by windows that overlap by more than a cell, and each keeps the cells whose centres
lie in its own part.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.vision.optics.stain import OFFSET, REFERENCE_LEVEL, REFERENCE_NUCLEUS_OD, StainCalibration, apply_stain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_edge.vision.field_view import FieldView

OVERLAP_RED_CELLS = 2.2
"""Overlap of neighbouring windows, red-cell diameters: 95 of 100 labelled white cells are smaller, and so lie whole
in the window that owns their centre."""
GIVE = 1.15
"""A field is reduced to at most this far below the standard scale where that saves a second window: red cells differ
by as much between people."""
MAX_MAGNIFICATION = 2.0
"""A picture with few pixels per cell is not magnified further: that adds windows, but no detail."""
PADDING_LEVEL = round(REFERENCE_LEVEL - OFFSET)
"""B, G and R of empty glass in the reference stain, used outside of the field."""


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """A network's input window.

    Attributes:
        width, height: pixels.
        red_cell_px: diameter of a red cell in it, pixels.
    """

    width: int
    height: int
    red_cell_px: float


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a field at the standard scale.

    Attributes:
        image: (height, width, 3) uint8 RGB, padded where the field ends.
        origin: x, y of its top left corner in the scaled field, pixels.
        own: x0, y0, x1, y1 in the scaled field: cells with their centre in here are this window's; infinite towards
            the border of the field.
    """

    image: Image
    origin: tuple[int, int]
    own: tuple[float, float, float, float]


def standard_factor(shape: tuple[int, ...], red_cell_px: float, spec: WindowSpec) -> float:
    """Pixels of the scaled field per pixel of the field.

    Args:
        shape: (H, W, …) of the field.
        red_cell_px: diameter of a red cell in it, pixels.
        spec: of the network.
    """
    factor = min(spec.red_cell_px / red_cell_px, MAX_MAGNIFICATION)
    whole = min((spec.width + 0.49) / shape[1], (spec.height + 0.49) / shape[0])
    return whole if whole < factor <= whole * GIVE else factor


def with_even_background(image: Image, background: NDArray[np.float64]) -> Image:
    """`image` (H, W, 3) uint8 BGR with background (3,) BGR set to the reference: corrects lamp and white balance.

    The dyes are not corrected: that needs nuclei, which are not yet located.
    """
    b, g, r = (float(v) for v in background)
    return apply_stain(image, StainCalibration((b, g, r), REFERENCE_NUCLEUS_OD))


def windows_of(view: FieldView, factor: float, spec: WindowSpec) -> Iterator[Window]:
    """The windows that cover a field.

    Args:
        view: the field.
        factor: from `standard_factor`.
        spec: of the network.
    """
    scaled = np.asarray(
        cv2.cvtColor(with_even_background(view.at(factor), view.background), cv2.COLOR_BGR2RGB), np.uint8
    )
    size = scaled.shape[1], scaled.shape[0]
    overlap = OVERLAP_RED_CELLS * spec.red_cell_px
    columns, rows = _starts(size[0], spec.width, overlap), _starts(size[1], spec.height, overlap)
    for top, above, below in _owned(rows, spec.height):
        for left, before, behind in _owned(columns, spec.width):
            part = scaled[top : top + spec.height, left : left + spec.width]
            if part.shape[:2] != (spec.height, spec.width):
                whole = np.full((spec.height, spec.width, 3), PADDING_LEVEL, np.uint8)
                whole[: part.shape[0], : part.shape[1]] = part
                part = whole
            yield Window(part, (left, top), (before, above, behind, below))


def _starts(length: int, window: int, overlap: float) -> list[int]:
    """Start positions of windows that cover `length` pixels evenly, overlapping by at least `overlap`."""
    if length <= window:
        return [0]
    count = 1 + int(np.ceil((length - window) / (window - overlap)))
    return [round(v) for v in np.linspace(0, length - window, count)]


def _owned(starts: list[int], window: int) -> list[tuple[int, float, float]]:
    """Each start with the bounds that its window owns, up to the middles of the overlaps."""
    middles = [(after + before + window) / 2 for before, after in pairwise(starts)]
    ends = [-np.inf, *middles, np.inf]
    return list(zip(starts, ends, ends[1:], strict=False))
