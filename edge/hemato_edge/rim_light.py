"""How the light of a field fades at its rim, so that it can be divided out.

An eyepiece's field stop is not in focus: from full light to none its rim takes up to a red cell, which is no less slide
for it. Stray light, that of the surroundings, is added to what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.values import Image

FULL = 0.99
"""From this share of the light on nothing is corrected: two levels of glass."""
GONE = 0.45
"""What has less than this share of the light is not slide: noise and a JPEG's blocks hide the cells there."""
_LEAST_LIGHT, _BESIDE_PX = 0.1, 3.0
_SUBPIXEL = 4


@dataclass(frozen=True, slots=True)
class RimLight:
    """The light of a field across its rim: of a round one along its radius, of another by the distance to its outline.

    Attributes:
        middle: x, y of a round field's middle, pixels.
        start_px: radius from which it fades; with an outline, distance from that, negative on the inside, pixels.
        shares: (B, G, R) of the light there and at each further pixel outwards, 0 to 1.
        stray: (B, G, R) of the surroundings, levels.
        outline: x, y of the corners of a convex field that is not round, pixels; empty for a round one.
        bounds: x0, y0, x1, y1 of the picture without bars in which it was measured, pixels; None: all of the frame.
    """

    middle: tuple[float, float]
    start_px: float
    shares: tuple[tuple[float, float, float], ...]
    stray: tuple[float, float, float]
    outline: tuple[tuple[float, float], ...] = ()
    bounds: tuple[float, float, float, float] | None = None

    def moved(self, x: float, y: float) -> RimLight:
        """The same in pixels of a picture whose corner lies `x`, `y` pixels further left and up."""
        outline = tuple((px + x, py + y) for px, py in self.outline)
        bounds = None
        if self.bounds is not None:
            x0, y0, x1, y1 = self.bounds
            bounds = (x0 + x, y0 + y, x1 + x, y1 + y)
        return replace(self, middle=(self.middle[0] + x, self.middle[1] + y), outline=outline, bounds=bounds)

    def faded(self, shown: NDArray[np.bool_]) -> FadedRing:
        """Where the light of the places `shown`, (h, w) bool, fades, and what brings it back."""
        far = self._far(shown.shape)
        flat = np.flatnonzero((far > self.start_px) & shown)
        share = np.array(self.shares, np.float32)
        at = np.arange(len(share)) + self.start_px
        light = np.stack([np.interp(far.ravel()[flat], at, share[:, i]) for i in range(3)], axis=1)
        dim = light.min(axis=1) < FULL
        flat, light = flat[dim], np.maximum(light[dim], _LEAST_LIGHT)
        offset = (1 - 1 / light) * np.array(self.stray)
        return FadedRing(flat, (1 / light).astype(np.float32), offset.astype(np.float32))

    def fading(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        """(h, w) bool: the places of a picture of width and height `size` where the light fades, or is gone."""
        return np.asarray(self._far(size[::-1]) > self.start_px - _BESIDE_PX, np.bool_)

    def _far(self, shape: tuple[int, ...]) -> NDArray[np.floating[Any]]:
        """(h, w): distance from the middle, or from the outline."""
        if self.outline:
            return outwards(self.outline, (shape[1], shape[0]))
        down, across = np.ogrid[: shape[0], : shape[1]]
        return np.hypot(across - self.middle[0], down - self.middle[1])


def outwards(outline: Sequence[tuple[float, float]], size: tuple[int, int]) -> NDArray[np.float32]:
    """(h, w) float32: distance of each pixel of a picture of width and height `size` from a convex outline.

    Negative on its inside. Where the outline leaves the picture there is no rim.
    """
    corners = np.rint(np.array(outline) * (1 << _SUBPIXEL)).astype(np.int32)
    x0, y0 = np.minimum(np.floor(np.min(outline, axis=0)).astype(int) - 2, 0).tolist()
    x1, y1 = np.maximum(np.ceil(np.max(outline, axis=0)).astype(int) + 3, size).tolist()
    inside = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillConvexPoly(inside, corners - np.array([x0, y0]) * (1 << _SUBPIXEL), [1], shift=_SUBPIXEL)
    deep, off = (cv2.distanceTransform(one, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for one in (inside, 1 - inside))
    far = np.asarray(off, np.float32) - np.asarray(deep, np.float32)
    far += np.where(inside > 0, np.float32(0.5), np.float32(-0.5))
    return np.ascontiguousarray(far[-y0 : size[1] - y0, -x0 : size[0] - x0])


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

    def correct(self, picture: Image, glass: NDArray[np.floating[Any]]) -> None:
        """Bring a picture's (h, w, 3) uint8 light back, in place; it must be contiguous.

        Nothing is made brighter than empty glass, (3,) BGR: where light was left that should not be.
        """
        if len(self.flat):
            seen = np.take(picture.reshape(-1, 3), self.flat, axis=0)
            lit = cv2.add(cv2.multiply(seen, self.gain, dtype=cv2.CV_32F), self.offset, dtype=cv2.CV_8U)
            most = cv2.max(seen, np.rint(glass)[None].astype(np.uint8).repeat(len(seen), axis=0))
            picture.reshape(-1)[self._channels] = cv2.min(lit, most).ravel()  # by pixel it takes three times as long
