"""Quick checks of a frame: whether its aperture should be searched for, and whether a mask still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.vision.optics.bars import FOREIGN, UNIFORM, ends_of, is_graded, profile
from hemato_edge.vision.optics.round_field import DARK_SHARES, INSIDE_LIT, LEAST_CORNERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.aperture import Aperture
    from hemato_edge.values import Image

LEAST_SIDE_PX = 200
"""Pictures with a shorter side than this are cut from a field by software: they have no rim."""
LEAST_GLASS = 40.0
"""Minimum level of glass; otherwise the picture shows hardly any light."""
_BRIGHT_SHARE = 0.85
_EVEN_BORDER = 20.0
_OTHER_HUE = 0.08
_HOLDS = 0.9


def rough_glass(image: Image) -> NDArray[np.float64]:
    """(3,) float64 BGR of about the brightness of glass, from a few pixels in the middle of a picture."""
    height, width = image.shape[:2]
    sample = image[height // 4 : height - height // 4 : 16, width // 4 : width - width // 4 : 16].reshape(-1, 3)
    place = int(_BRIGHT_SHARE * (len(sample) - 1))
    return np.asarray(np.partition(sample, place, axis=0)[place], np.float64)


def is_suspicious(image: Image, glass: NDArray[np.float64] | None = None) -> bool:
    """Whether a picture's border, corners or rows warrant a search by `find_aperture`.

    Args:
        image: (H, W, 3) uint8 BGR.
        glass: its `rough_glass`, if known.
    """
    if min(image.shape[:2]) < LEAST_SIDE_PX:
        return False
    glass = rough_glass(image) if glass is None else glass
    if float(glass.max()) < LEAST_GLASS:
        return True
    height, width = image.shape[:2]
    for whole, last in ((image, height - 1), (image.transpose(1, 0, 2), width - 1)):
        chunks = _chunk_means(whole[::last, ::8])
        foreign_border = np.abs(chunks.mean(axis=1) - glass).max(axis=1) > FOREIGN
        if np.any(foreign_border & (np.ptp(chunks, axis=1).max(axis=1) < _EVEN_BORDER)):
            return True
    for of_columns in (False, True):
        begin, end = (profile(rows, of_columns=of_columns) for rows in ends_of(image, of_columns=of_columns))
        if is_graded(begin, glass) or is_graded(end[::-1], glass):
            return True
    ends = slice(0, 13, 3), slice(-13, None, 3)
    corners = np.stack([image[y, x].reshape(-1, 3) for y in ends for x in ends])
    middles = corners.mean(axis=1)
    if np.count_nonzero(middles.max(axis=1) < DARK_SHARES[0] * float(glass.max())) >= LEAST_CORNERS:
        return True
    even = np.ptp(corners, axis=1).max(axis=1) < 2 * UNIFORM
    share = middles / np.maximum(glass, 1)  # vignetting dims all channels alike
    foreign = (np.ptp(share, axis=1) > _OTHER_HUE) & (np.abs(middles - glass).max(axis=1) > FOREIGN)
    alike = np.abs(middles[:, None] - middles).max(axis=2) < UNIFORM
    strange = even & foreign
    if np.count_nonzero(alike & strange & strange[:, None], axis=1).max() >= LEAST_CORNERS:
        return True
    for lines in (image[:, 8 :: image.shape[1] // 16, 1], image[8 :: image.shape[0] // 16, :, 1].T):
        across = np.ascontiguousarray(lines.T)
        low, high = across.min(axis=0), across.max(axis=0)
        if np.any((high - low < 2 * UNIFORM) & (np.abs((high.astype(np.int16) + low) / 2 - glass[1]) > FOREIGN)):
            return True
    return False


def _chunk_means(lines: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(2, 8, 3) float64: the means of eight parts of two rows of pixels (2, n, 3)."""
    return np.asarray(lines[:, : lines.shape[1] // 8 * 8].reshape(2, 8, -1, 3).mean(axis=2), np.float64)


def still_holds(aperture: Aperture, image: Image) -> bool:
    """Whether the hidden part of a frame is still uniform or dark, and its rim still lit on the inside."""
    glass = rough_glass(image)
    x0, y0, x1, y1 = aperture.rectangle
    outside = np.ones(image.shape[:2], np.bool_)
    outside[y0:y1, x0:x1] = False if aperture.hidden is None else aperture.hidden
    level = image[::8, ::8].astype(np.float32)
    hidden = outside[::8, ::8]
    near = cv2.dilate(hidden.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    ring = near & ~hidden
    if not hidden.any() or not ring.any():
        return False
    common = np.median(level[hidden], axis=0)
    alike = np.abs(level - common).max(axis=2) < FOREIGN
    dark = level.max(axis=2) < DARK_SHARES[1] * float(glass.max())
    nothing = alike if np.abs(common - glass).max() > FOREIGN else dark
    if dark[hidden].mean() > _HOLDS:
        nothing = dark
    return bool(nothing[hidden].mean() > _HOLDS and nothing[ring].mean() < 1 - INSIDE_LIT)
