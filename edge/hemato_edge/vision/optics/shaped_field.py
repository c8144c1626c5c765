"""A convex field that is no circle: a picture that was turned, an ellipse, a sensor with cut corners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.rim_light import outwards
from hemato_edge.vision.optics.rim import measure_outline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.rim_light import RimLight
    from hemato_edge.values import Image

_DOUBT = 3.0
"""Pixels of the small picture by which its outline may be off."""
_SHARP_PX = 1.0


def shaped_edge(
    image: Image, hull: NDArray[np.bool_], light: NDArray[np.float32], full: float
) -> tuple[NDArray[np.bool_], float, RimLight | None]:
    """Where the slide of a convex field ends.

    Args:
        image: the picture, (H, W, 3) uint8 BGR.
        hull: (h, w) bool, the field in a smaller copy of it.
        light: (H, W), the light of the picture's places.
        full: that of glass.

    Returns:
        (H, W) bool, what is slide; how far inside of half the light that stays, pixels; and how the light fades.
    """
    height, width = image.shape[:2]
    large = cv2.resize(hull.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    outline = _outline(np.asarray(large, np.uint8))
    far = outwards(outline, (width, height))
    doubt = _DOUBT * width / hull.shape[1]
    dark = float(np.median(light[far > doubt])) if (far > doubt).any() else 0.0
    lit = ((light > (dark + full) / 2) & (far < doubt)) | (far < -doubt)
    opened = cv2.morphologyEx(lit.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    outline = _outline(np.asarray(opened, np.uint8))
    rim = measure_outline(image, outline)
    far = outwards(outline, (width, height))
    if rim is None:
        return far <= -_SHARP_PX, _SHARP_PX, None
    return far <= rim.edge_px, rim.half_px - rim.edge_px, rim.light


def _outline(lit: NDArray[np.uint8]) -> list[tuple[float, float]]:
    """The corners of the convex hull of a mask (h, w), x and y pixels."""
    points = cv2.convexHull(cv2.findNonZero(lit))[:, 0]
    return [(float(x), float(y)) for x, y in points]
