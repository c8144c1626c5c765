"""One field of view as every stage of the analysis reads it: made once per frame and passed along.

Costly parts are computed on first use: the picture with glass filled in off the slide, its downscaled copies, and the
background colour.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hemato_edge.aperture import Aperture
from hemato_edge.vision.optics.resizing import every, halved, resize, to_size
from hemato_edge.vision.optics.stain import background_colour

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image

THUMBNAIL_SIDE = 160
"""Longer side of the thumbnail used to measure light and colours, pixels."""
_ONE_TONE = 8
_AVERAGED = 4
"""Pixels across and down, about, whose mean is one of the thumbnail's: of a large picture not all are needed."""


class FieldView:
    """A frame, the part of it that is slide, and what was measured in it. Immutable.

    Args:
        image: the frame, (H, W, 3) uint8 BGR.
        aperture: the part of the frame that shows slide; None: all of it.
        red_cell_px: diameter of a red cell, pixels, if known.
        background: (3,) BGR of empty glass, if known; else it is measured in the picture.
        fill: (3,) BGR used off the slide; None: the background.

    Attributes:
        whole: the view it was cut from; None otherwise.
        corner: x, y of the upper left corner in `whole`, pixels; 0, 0 otherwise.
    """

    def __init__(
        self,
        image: Image,
        aperture: Aperture | None = None,
        *,
        red_cell_px: float | None = None,
        background: NDArray[np.floating[Any]] | None = None,
        fill: NDArray[np.float64] | None = None,
    ) -> None:
        self.aperture = aperture or Aperture.of(image)
        self.window: Image = self.aperture.window(image)
        self.red_cell_px = red_cell_px
        self.whole: FieldView | None = None
        self.corner = 0, 0
        self._fill = fill
        self._halves: list[Image] = []
        self._scaled: Image | None = None
        if background is not None:
            self.background = np.asarray(background, np.float64)

    @property
    def shape(self) -> tuple[int, ...]:
        """(h, w, 3) of the aperture's rectangle."""
        return self.window.shape

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the aperture's rectangle, pixels."""
        return self.aperture.size

    @property
    def rectangle(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 of a part in `whole`, pixels."""
        (x, y), (width, height) = self.corner, self.size
        return x, y, x + width, y + height

    @cached_property
    def picture(self) -> Image:
        """(h, w, 3) uint8 BGR: the aperture's rectangle, with glass filled in off the slide."""
        if self.aperture.hidden is None and self.aperture.bridged is None:
            return self.window
        return self.aperture.painted(self.window, self.background if self._fill is None else self._fill)

    @cached_property
    def background(self) -> NDArray[np.float64]:
        """(3,) float64 BGR of empty glass, from a thumbnail of the slide; its mean if it is uniform."""
        # averaged in one step, as in training: one level of background changes one label in a hundred
        step = max(1, int(1 / (_AVERAGED * self.thumbnail_factor)))
        thumbnail = resize(every(self.window, step), self.thumbnail_factor * step)
        slide = self.aperture.slide_at((thumbnail.shape[1], thumbnail.shape[0]))
        if slide is not None and slide.any():
            thumbnail = thumbnail[slide][None]
        green = thumbnail[..., 1]
        if int(green.max()) - int(green.min()) < _ONE_TONE:
            return np.asarray(thumbnail.reshape(-1, 3).mean(axis=0), np.float64)
        return background_colour(thumbnail)

    def at_scale(self, red_cell_px: float | None) -> FieldView:
        """The same view with another red-cell diameter, pixels; what was computed from the picture is shared."""
        view = copy(self)
        view.red_cell_px = red_cell_px
        return view

    def part(self, rectangle: tuple[int, int, int, int]) -> FieldView:
        """A part of the view, x0, y0, x1, y1 pixels, as a view of its own with the same glass and scale."""
        x0, y0, x1, y1 = rectangle
        part = FieldView(
            self.window[y0:y1, x0:x1],
            self.aperture.part(rectangle),
            red_cell_px=self.red_cell_px,
            background=self.background,
            fill=self._fill,
        )
        part.whole, part.corner = self, (x0, y0)
        part.picture = self.picture[y0:y1, x0:x1]
        return part

    def at(self, factor: float) -> Image:
        """The picture resized by `factor`, (h, w, 3) uint8, from its halved copies; see `resize_quickly`."""
        return self.at_size(self._size_at(factor))

    def at_size(self, size: tuple[int, int]) -> Image:
        """The picture resized to `size`, width and height, (h, w, 3) uint8, as in `at`.

        The last one is kept: gate and locator look at most fields at the same scale.
        """
        if self._scaled is None or self._scaled.shape[1::-1] != size:
            self._scaled = to_size(self._next_above(size), size)
        return self._scaled

    def green_at(self, factor: float) -> NDArray[np.uint8]:
        """The green channel, where all cells absorb, of the picture resized by `factor`, (h, w) uint8."""
        return self.channel_at(factor, 1)

    def channel_at(self, factor: float, channel: int) -> NDArray[np.uint8]:
        """One channel (0 blue, 1 green, 2 red) of the picture resized by `factor`, (h, w) uint8, as in `at`."""
        size = self._size_at(factor)
        if self._scaled is not None and self._scaled.shape[1::-1] == size:
            return np.asarray(cv2.extractChannel(self._scaled, channel), np.uint8)
        return to_size(np.asarray(cv2.extractChannel(self._next_above(size), channel), np.uint8), size)

    @cached_property
    def thumbnail_factor(self) -> float:
        """Resize factor of the thumbnail used to measure light and colours."""
        return min(1.0, THUMBNAIL_SIDE / max(self.shape[:2]))

    def _size_at(self, factor: float) -> tuple[int, int]:
        """Width and height of the picture resized by `factor`, pixels."""
        height, width = self.shape[:2]
        return max(1, round(width * factor)), max(1, round(height * factor))

    def _next_above(self, size: tuple[int, int]) -> Image:
        """The smallest halved copy that is no smaller than `size`, width and height."""
        level, near = 0, self.picture
        while near.shape[1] >= 2 * size[0] and near.shape[0] >= 2 * size[1]:
            level += 1
            near = self.halved_copy(level)
        return near

    def halved_copy(self, level: int) -> Image:
        """The picture halved `level` times, exactly, (h // 2 ** level, w // 2 ** level, 3) uint8."""
        while len(self._halves) < level:
            self._halves.append(halved(self._halves[-1] if self._halves else self.picture))
        return self._halves[level - 1] if level else self.picture
