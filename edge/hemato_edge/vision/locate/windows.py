"""A field at the standard scale, cut into windows for the network.

Red cells have the same size in every window, whatever the objective and the camera. A field smaller than the window
that the network was trained on is padded with background. A larger one is covered by windows of the size that costs
least: by one that it fills, or by several that overlap by more than a cell, and each keeps the cells whose centres lie
in its own part. None of these has a padded side: a cell that ends at glass inside a window looks whole. On 48 frames of
drawn slides 18 cut red cells were taken for whole ones with windows of 256 × 192, 26 with one that the field fills, 28
with a window padded at two sides and 57 at all four.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
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
GRAIN = 32
"""Sides of a window are multiples of this: then all strided layers of the network pad alike, as in training."""
LARGEST = 3
"""Maximum area of a window, in windows as in training: in LiteRT 2.3 it takes 5.5 MB more than one of
these, one of 352 × 256 takes 2 MB more."""
ENLARGED = 1.02
"""A field is enlarged by at most this to fill one window, else reduced, by `GIVE` at most. Reduced by 4 to 7 % nothing
was lost on those frames; enlarged by 5 % four clumps of platelets were taken for white cells."""
PADDING_LEVEL = round(REFERENCE_LEVEL - OFFSET)
"""B, G and R of empty glass in the reference stain, used outside of the field."""


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """A network's input window, as in training.

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


@dataclass(frozen=True, slots=True)
class Axis:
    """The windows along one side of a field.

    Attributes:
        length: of the scaled field, pixels.
        factor: pixels of the scaled field per pixel of the field.
        window: length of a window, pixels.
        count: number of windows.
    """

    length: int
    factor: float
    window: int
    count: int

    def owned(self) -> list[tuple[int, float, float]]:
        """Starts of the windows, evenly over the scaled field, pixels.

        Each with the bounds that its window owns, up to the middles of the overlaps.
        """
        last = max(0, self.length - self.window)
        starts = [round(v) for v in np.linspace(0, last, self.count)]
        middles = [(after + before + self.window) / 2 for before, after in pairwise(starts)]
        ends = [-np.inf, *middles, np.inf]
        return list(zip(starts, ends, ends[1:], strict=False))


@dataclass(frozen=True, slots=True)
class Grid:
    """The windows that cover a field."""

    columns: Axis
    rows: Axis

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of a window, pixels."""
        return self.rows.window, self.columns.window

    @property
    def count(self) -> int:
        """Number of windows."""
        return self.columns.count * self.rows.count

    @property
    def cost(self) -> int:
        """Pixels of all windows: a fully convolutional network's time goes with them."""
        return self.count * self.rows.window * self.columns.window

    @property
    def factors(self) -> NDArray[np.float32]:
        """(4,) float32: pixels of the scaled field per pixel of the field, for x0, y0, x1, y1."""
        return np.array([self.columns.factor, self.rows.factor] * 2, np.float32)


@lru_cache(maxsize=64)
def plan(shape: tuple[int, ...], red_cell_px: float, spec: WindowSpec, largest: int = LARGEST) -> Grid:
    """The windows for a field.

    Args:
        shape: (H, W, …) of the field.
        red_cell_px: diameter of a red cell in it, pixels.
        spec: of the network.
        largest: see `LARGEST`; 1: all windows have the size of `spec`.
    """
    factor = standard_factor(shape, red_cell_px, spec)
    width, height = (max(1, round(side * factor)) for side in (shape[1], shape[0]))
    overlap = OVERLAP_RED_CELLS * spec.red_cell_px
    if largest == 1 or (width <= spec.width and height <= spec.height):
        sides = ((width, spec.width), (height, spec.height))
        columns, rows = (Axis(long, factor, side, _least_count(long, side, overlap)) for long, side in sides)
        return Grid(columns, rows)
    least, most = min(spec.width, spec.height), largest * spec.width * spec.height
    across, down = (_axes(width, shape[1], factor, least, overlap), _axes(height, shape[0], factor, least, overlap))
    grids = [Grid(columns, rows) for columns in across for rows in down if columns.window * rows.window <= most]
    return min(grids, key=lambda grid: (grid.cost, grid.count))


def _axes(length: int, own_px: int, factor: float, least: int, overlap: float) -> list[Axis]:
    """The possible windows along a side of a field: one that it fills, and ever more and smaller ones.

    Args:
        length: of the side in the scaled field, pixels.
        own_px: of the side in the field, pixels.
        factor: of the scaled field.
        least: length of a window at least, pixels.
        overlap: of neighbouring windows at least, pixels.
    """
    filled = int(length * ENLARGED) // GRAIN * GRAIN
    if filled < least or length > filled * GIVE:
        alone = max(least, _grained(length))
        axes = [Axis(length, factor, alone, 1)]
    else:
        axes = [Axis(filled, filled / own_px, filled, 1)]
    while axes[-1].window > least:
        count = len(axes) + 1
        window = max(least, _grained((length + (count - 1) * overlap) / count))
        axes.append(Axis(length, factor, window, count))
    return [axis for axis in axes if axis.window <= length or axis.count == 1]


def _grained(length: float) -> int:
    return int(np.ceil(length / GRAIN)) * GRAIN


def windows_of(view: FieldView, grid: Grid, part: tuple[int, int, int, int] | None = None) -> Iterator[Window]:
    """The windows that cover a field.

    Args:
        view: the field.
        grid: from `plan`.
        part: x0, y0, x1, y1 in the field, pixels: only windows that own some of it; None for all.
    """
    picture = view.at_size((grid.columns.length, grid.rows.length))
    scaled = np.asarray(cv2.cvtColor(with_even_background(picture, view.background), cv2.COLOR_BGR2RGB), np.uint8)
    height, width = grid.window
    x0, y0, x1, y1 = (-np.inf, -np.inf, np.inf, np.inf) if part is None else np.array(part) * grid.factors
    for top, above, below in grid.rows.owned():
        for left, before, behind in grid.columns.owned():
            if below <= y0 or above >= y1 or behind <= x0 or before >= x1:
                continue
            image = scaled[top : top + height, left : left + width]
            if image.shape[:2] != (height, width):
                whole = np.full((height, width, 3), PADDING_LEVEL, np.uint8)
                whole[: image.shape[0], : image.shape[1]] = image
                image = whole
            yield Window(image, (left, top), (before, above, behind, below))


def _least_count(length: int, window: int, overlap: float) -> int:
    """Number of windows that cover `length` pixels, overlapping by at least `overlap`."""
    return 1 + max(0, int(np.ceil((length - window) / (window - overlap))))
