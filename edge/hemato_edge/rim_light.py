"""How the light of a round field fades at its rim, so that it can be divided out.

An eyepiece's field stop is not in focus: from full light to none its rim takes up to a red cell, which is no less slide
for it. Stray light, that of the surroundings, is added to what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image

FULL = 0.99
"""From this share of the light on nothing is corrected: two levels of glass."""
GONE = 0.45
"""What has less than this share of the light is not slide: noise and a JPEG's blocks hide the cells there."""


@dataclass(frozen=True, slots=True)
class RimLight:
    """The light of a round field along its radius.

    Attributes:
        middle: x, y of the field's middle, pixels.
        start_px: radius from which it fades.
        shares: (B, G, R) of the light at that radius and at each further pixel of it, 0 to 1.
        stray: (B, G, R) of the surroundings, levels.
    """

    middle: tuple[float, float]
    start_px: float
    shares: tuple[tuple[float, float, float], ...]
    stray: tuple[float, float, float]

    def moved(self, x: float, y: float) -> RimLight:
        """The same in pixels of a picture whose corner lies `x`, `y` pixels further left and up."""
        return RimLight((self.middle[0] + x, self.middle[1] + y), self.start_px, self.shares, self.stray)

    def faded(self, shown: NDArray[np.bool_]) -> FadedRing:
        """Where the light of the places `shown`, (h, w) bool, fades, and what brings it back."""
        height, width = shown.shape
        down, across = np.ogrid[:height, :width]
        far = np.hypot(across - self.middle[0], down - self.middle[1])
        flat = np.flatnonzero((far > self.start_px) & shown)
        share = np.array(self.shares, np.float32)
        at = np.arange(len(share)) + self.start_px
        light = np.stack([np.interp(far.ravel()[flat], at, share[:, i]) for i in range(3)], axis=1)
        dim = light.min(axis=1) < FULL
        flat, light = flat[dim], np.maximum(light[dim], GONE / 2)
        offset = (1 - 1 / light) * np.array(self.stray)
        return FadedRing(flat, (1 / light).astype(np.float32), offset.astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class FadedRing:
    """The places of a picture whose light fades.

    Attributes:
        flat: (n,) indices into the picture laid flat.
        gain: (n, 3) float32, BGR: what the level is multiplied with.
        offset: (n, 3) float32: what is added then.
    """

    flat: NDArray[np.intp]
    gain: NDArray[np.float32]
    offset: NDArray[np.float32]
    _channels: NDArray[np.intp] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_channels", (self.flat[:, None] * 3 + np.arange(3)).ravel())

    def correct(self, picture: Image) -> None:
        """Bring a picture's (h, w, 3) uint8 light back, in place; it must be contiguous."""
        if len(self.flat):
            seen = np.take(picture.reshape(-1, 3), self.flat, axis=0)
            lit = cv2.add(cv2.multiply(seen, self.gain, dtype=cv2.CV_32F), self.offset, dtype=cv2.CV_8U)
            picture.reshape(-1)[self._channels] = lit.ravel()  # by pixel it takes three times as long
