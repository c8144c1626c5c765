"""Where on the slide does this field lie? Frames are registered to a key field by phase correlation.

The key field is replaced when the stage has moved so far that the overlap gets small, so errors do not add up while
the stage stands still or trembles, and grow only with the number of key fields. When a frame fits neither the key
field nor the last one, tracking is lost: a new region begins, and that is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.values import Pose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image

WORKING_WIDTH_PX = 320
"""Frames are shrunk to about this width: a shift of one pixel here is well under a red cell's radius."""
MIN_CONFIDENCE = 0.6
"""Least correlation of the overlapping parts for a match. Measured with `benchmarks/registration.py`: true shifts of
real fields, dimmed and with noise, gave 0.95 and more; different fields 0.47 and less."""
MIN_OVERLAP = 0.3
"""Share of the picture that two frames must have in common: less than that agrees by chance too often."""
UNEVEN_LIGHT_PX = 81
"""At working width. Light that changes over more than this is the lamp's, not a cell's."""
KEY_OVERLAP = 0.7
"""A new key field is taken when less than this share of the old one is still in view."""


class Registration:
    """Gives each frame of a moving stage its pose. Holds at most two small grey pictures.

    Args:
        min_confidence: see `MIN_CONFIDENCE`.
    """

    def __init__(self, min_confidence: float = MIN_CONFIDENCE) -> None:
        self._min_confidence = min_confidence
        self._region = -1
        self._key: NDArray[np.float32] | None = None
        self._key_position = np.zeros(2)
        self._last: NDArray[np.float32] | None = None
        self._last_position = np.zeros(2)
        self._window: NDArray[np.float32] | None = None
        self.lost = 0

    def locate(self, image: Image) -> Pose:
        """The pose of a frame (H, W, 3) uint8 BGR; frames must come in the order they were taken."""
        small, scale = _small_grey(image)
        pose = self._match(small, scale)
        if pose is None:
            self.lost += self._key is not None
            pose = self._start(small)
        return pose

    def follow(self, image: Image) -> Pose | None:
        """The pose of a frame that will not be counted, or None where it fits nothing; never starts a region.

        A blurred frame still tells how far the stage moved: without it, tracking would be lost over a stretch that
        is out of focus.
        """
        return self._match(*_small_grey(image))

    def _match(self, small: NDArray[np.float32], scale: float) -> Pose | None:
        if self._key is None or self._key.shape != small.shape:
            return None
        for reference, position in ((self._key, self._key_position), (self._last, self._last_position)):
            if reference is None:
                continue
            shift, confidence = self._shift(reference, small)
            if confidence >= self._min_confidence:
                here = position + shift * scale
                self._remember(small, here, shift)
                return Pose(self._region, float(here[0]), float(here[1]), confidence)
        return None

    def _start(self, small: NDArray[np.float32]) -> Pose:
        self._region += 1
        self._key, self._last = small, small
        self._key_position, self._last_position = np.zeros(2), np.zeros(2)
        self._window = cv2.createHanningWindow((small.shape[1], small.shape[0]), cv2.CV_32F).astype(np.float32)
        return Pose(self._region, 0.0, 0.0, 1.0)

    def _remember(self, small: NDArray[np.float32], here: NDArray[np.float64], shift: NDArray[np.float64]) -> None:
        self._last, self._last_position = small, here
        height, width = small.shape
        overlap = max(0.0, 1 - abs(shift[0]) / width) * max(0.0, 1 - abs(shift[1]) / height)
        if overlap < KEY_OVERLAP:
            self._key, self._key_position = small, here

    def _shift(self, reference: NDArray[np.float32], small: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
        """How far the view moved over the slide, x y in small pixels, and how well the overlap then agrees."""
        # copies, because phaseCorrelate multiplies the window into its arguments
        (dx, dy), _ = cv2.phaseCorrelate(reference.copy(), small.copy(), self._window)
        # the content moves against the stage
        return np.array([-dx, -dy]), _agreement(reference, small, -dx, -dy)


def _small_grey(image: Image) -> tuple[NDArray[np.float32], float]:
    """The green channel, which every cell absorbs, at working width; and full pixels per small pixel.

    What is wider than a few cells is taken out: uneven light does not move with the stage and would hold the
    correlation at zero shift.
    """
    scale = max(1.0, image.shape[1] / WORKING_WIDTH_PX)
    green = np.ascontiguousarray(image[:, :, 1])
    size = (round(image.shape[1] / scale), round(image.shape[0] / scale))
    small = cv2.resize(green, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    around = cv2.blur(small, (UNEVEN_LIGHT_PX, UNEVEN_LIGHT_PX), borderType=cv2.BORDER_REFLECT)
    return np.asarray(small / (around + 1) - 1, np.float32), image.shape[1] / size[0]


def _agreement(reference: NDArray[np.float32], small: NDArray[np.float32], dx: float, dy: float) -> float:
    """Correlation coefficient of what both show when the view moved by (dx, dy); 0 for too little overlap."""
    height, width = reference.shape
    x, y = round(dx), round(dy)
    if (1 - abs(x) / width) * (1 - abs(y) / height) < MIN_OVERLAP or max(abs(x) / width, abs(y) / height) >= 1:
        return 0.0
    a = reference[max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)]
    b = small[max(-y, 0) : height + min(-y, 0), max(-x, 0) : width + min(-x, 0)]
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / spread) if spread > 1e-6 else 0.0
