"""A drawn blood smear with known truth: the position of every object, and the picture at any place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.cameras.demo.cells import PRECIPITATE, RED_CELL, CellPlan, draw_cell
from hemato_edge.cameras.demo.smear import Placed, spread
from hemato_edge.cameras.demo.stain import GLARE, GLASS
from hemato_edge.labels import KINDS, PLATELET, PLATELET_LABEL, RBC, WBC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.values import Image

UM_PER_PX = 0.105
"""Scale of every drawn slide, micrometres per pixel: a red cell is about 69 pixels wide."""
SLIDE_SIZE_PX = (4000, 2688)
"""Width and height of a whole drawn slide, pixels."""
WHITE_CELLS = 156
"""Nucleated cells on a whole slide: many more than in healthy blood, so that 100 are counted within a minute."""
_TILE = 256


MOST_PATCHES = 256
"""Maximum number of cached cell patches, least recently used dropped: a few fields' worth, some 10 MB."""


@dataclass(frozen=True, slots=True)
class SlideObject:
    """The truth about one object on the slide.

    Attributes:
        kind: one of `labels.KINDS`.
        label: one of `labels.CLASSIFIER_LABELS`, or "red_cell".
        x_px, y_px: centre of its box on the slide, pixels.
        box: x0 y0 x1 y1 on the slide, pixels.
    """

    kind: str
    label: str
    x_px: float
    y_px: float
    box: tuple[float, float, float, float]


class DrawnSlide:
    """A stained smear, drawn on demand; determined by the seed.

    Args:
        seed: selects the slide.
        size_px: width and height, pixels.
        white_cells: number of nucleated cells, mixed as in blood, or the label of each.

    Attributes:
        seed: selects the slide.
        size_px: width and height, pixels.
        um_per_px: scale, micrometres per pixel.
        truth: every white cell, red cell and platelet, without stain precipitate.
    """

    def __init__(
        self, seed: int = 1, size_px: tuple[int, int] = SLIDE_SIZE_PX, white_cells: int | Sequence[str] = WHITE_CELLS
    ) -> None:
        self.seed = seed
        self.size_px = size_px
        self.um_per_px = UM_PER_PX
        width, height = size_px
        self._placed = spread(seed, size_px, white_cells, UM_PER_PX)
        self.truth = tuple(_truth(one) for one in self._placed if one.plan.label != PRECIPITATE)
        self._glass, self._uptake = _staining(seed)
        self._film = np.random.default_rng([seed, 90]).standard_normal((height // 64 + 4, width // 64 + 4), np.float32)
        rows, columns = -(-height // _TILE), -(-width // _TILE)
        self._picture = np.empty((rows * _TILE, columns * _TILE, 3), np.uint8)
        self._drawn = np.zeros((rows, columns), np.bool_)
        self._in_tile = _by_tile(self._placed, rows, columns)
        self._patches: dict[tuple[str, int], NDArray[np.float16]] = {}

    def view(self, x_px: float, y_px: float, size_px: tuple[int, int] = (640, 480)) -> Image:
        """The slide in a window, free of optical faults.

        Args:
            x_px: slide position of the window's left border, pixels, may be fractional.
            y_px: likewise of its upper border.
            size_px: the window's width and height, pixels.

        Returns:
            (height, width, 3) uint8, BGR.

        Raises:
            ValueError: the window is not on the slide.
        """
        width, height = size_px
        if not (0 <= x_px <= self.size_px[0] - width and 0 <= y_px <= self.size_px[1] - height):
            msg = f"a window of {width} x {height} at {x_px:.1f}, {y_px:.1f} is not on a slide of {self.size_px}"
            raise ValueError(msg)
        x0, y0 = int(x_px), int(y_px)
        dx, dy = x_px - x0, y_px - y0
        x1, y1 = min(x0 + width + 1, self.size_px[0]), min(y0 + height + 1, self.size_px[1])
        self._draw(x0, y0, x1, y1)
        window = self._picture[y0:y1, x0:x1]
        if not dx and not dy:
            return window[:height, :width].copy()
        move = np.array([[1, 0, -dx], [0, 1, -dy]], np.float64)
        shifted = cv2.warpAffine(window, move, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(shifted, np.uint8)

    def _draw(self, x0: int, y0: int, x1: int, y1: int) -> None:
        rows = slice(y0 // _TILE, (y1 - 1) // _TILE + 1)
        columns = slice(x0 // _TILE, (x1 - 1) // _TILE + 1)
        for row, column in np.argwhere(~self._drawn[rows, columns]).tolist():
            self._draw_tile(row + rows.start, column + columns.start)

    def _draw_tile(self, row: int, column: int) -> None:
        left, top = column * _TILE, row * _TILE
        coarse = np.array([[1 / 64, 0, left / 64 + 1], [0, 1 / 64, top / 64 + 1]], np.float64)
        film = cv2.warpAffine(self._film, coarse, (_TILE, _TILE), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
        density = np.empty((_TILE, _TILE, 3), np.float32)
        density[:] = (0.006 * film)[..., None]
        for index in self._in_tile.get((row, column), ()):
            self._paste(density, self._placed[index], left, top)
        glare = np.asarray(GLARE, np.float32)
        light = glare + (1 - glare) * cv2.exp(density * (-np.log(10) * self._uptake))
        self._picture[top : top + _TILE, left : left + _TILE] = np.clip(light * self._glass, 0, 255)
        self._drawn[row, column] = True

    def _paste(self, density: NDArray[np.float32], placed: Placed, left: int, top: int) -> None:
        patch = self._patch(placed.plan)
        patch = np.rot90(patch, placed.quarter_turns)
        half = len(patch) // 2
        x0, y0 = placed.x_px - half - left, placed.y_px - half - top
        ax, ay, bx, by = max(x0, 0), max(y0, 0), min(x0 + 2 * half, _TILE), min(y0 + 2 * half, _TILE)
        if ax < bx and ay < by:
            density[ay:by, ax:bx] += patch[ay - y0 : by - y0, ax - x0 : bx - x0]

    def _patch(self, plan: CellPlan) -> NDArray[np.float16]:
        key = (plan.label, plan.seed)
        patch = self._patches.pop(key, None)
        self._patches[key] = draw_cell(plan) if patch is None else patch  # dicts keep their order: the newest last
        while len(self._patches) > MOST_PATCHES:
            del self._patches[next(iter(self._patches))]
        return self._patches[key]


def draw_field(seed: int, white_cells: int | Sequence[str] = 4) -> tuple[Image, list[SlideObject]]:
    """One sharp, evenly lit field, and its truth.

    Args:
        seed: selects the field.
        white_cells: number of nucleated cells, mixed as in blood, or the label of each; any without room is omitted.

    Returns:
        the picture, (480, 640, 3) uint8 BGR, and the truth, in pixels of the picture. Cells cut by the border are
        included, with a box that extends beyond it.
    """
    slide = DrawnSlide(seed, (640, 480), white_cells)
    return slide.view(0, 0), list(slide.truth)


def _truth(placed: Placed) -> SlideObject:
    kind = {RED_CELL: RBC, PLATELET_LABEL: PLATELET}.get(placed.plan.label, WBC)
    x, y = float(placed.x_px), float(placed.y_px)
    w, h = placed.half_extent
    return SlideObject(KINDS[kind], placed.plan.label, x, y, (x - w, y - h, x + w, y + h))


def _staining(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colour of the glass, (3,) BGR, and stain uptake of this slide, (3,) BGR, about 1."""
    rng = np.random.default_rng([seed, 91])
    glass = np.asarray(GLASS) + rng.uniform(-3, 3, 3)
    uptake = rng.uniform(0.94, 1.06) * rng.uniform(0.97, 1.03, 3)
    return np.minimum(glass, 254).astype(np.float32), uptake.astype(np.float32)


def _by_tile(placed: tuple[Placed, ...], rows: int, columns: int) -> dict[tuple[int, int], list[int]]:
    """Tile → indices of the objects that extend into it."""
    found: dict[tuple[int, int], list[int]] = {}
    for index, one in enumerate(placed):
        reach = int(max(one.half_extent)) + 10
        for row in range(max(0, (one.y_px - reach) // _TILE), min(rows, (one.y_px + reach) // _TILE + 1)):
            for column in range(max(0, (one.x_px - reach) // _TILE), min(columns, (one.x_px + reach) // _TILE + 1)):
                found.setdefault((row, column), []).append(index)
    return found
