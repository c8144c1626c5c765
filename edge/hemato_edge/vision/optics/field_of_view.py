"""Which part of a single picture is slide: finds bars, stripes and the dark around an eyepiece's circle.

A bar is made of rows of one colour from end to end, different from glass; it ends in a step. An eyepiece leaves a
convex field whose surroundings are dark, or of one colour, out to the picture's corners. Vignetting leaves neither a
step nor black, and is not masked; nor is a dark nucleus at the border, whose outline bulges into the field.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.aperture import Aperture
from hemato_edge.vision.optics.bars import BARS, STRIPE, TEXT_SHARE, find_stripes, without_bars
from hemato_edge.vision.optics.glance import LEAST_GLASS, LEAST_SIDE_PX
from hemato_edge.vision.optics.overlays import covered_by
from hemato_edge.vision.optics.round_field import RECTANGLE, find_lit_field
from hemato_edge.vision.optics.stain import background_colour

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image

    Rectangle = tuple[int, int, int, int]

UNTOLD_DARK = "dark"
"""Reason why the aperture is unknown: the picture shows hardly any light."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """The field of view found in one picture.

    Attributes:
        aperture: the part that is slide.
        untold: why it is unknown, or None.
    """

    aperture: Aperture
    untold: str | None = None


def find_aperture(image: Image, *, round_field: bool = False) -> Sighting:
    """Which part of a picture (H, W, 3) uint8 BGR is slide, from this picture alone.

    With `round_field` the field is known to be round, and its rim may be soft.
    """
    height, width = image.shape[:2]
    if min(height, width) < LEAST_SIDE_PX:
        return Sighting(Aperture.whole(width, height))
    glass = _central_glass(image)
    if float(glass.max()) < LEAST_GLASS:
        return Sighting(Aperture.whole(width, height), UNTOLD_DARK)
    kinds: list[str] = []
    rectangle = without_bars(image, glass)
    lit = find_lit_field(_part(image, rectangle), glass, round_field=round_field)
    if lit.kind == RECTANGLE:
        rectangle = without_bars(image, glass, TEXT_SHARE)
    if rectangle != (0, 0, width, height):
        kinds.append(BARS)
    hidden = rim = None
    if lit.shown is not None:
        whole = rectangle
        rectangle, hidden = _tightened(whole, ~lit.shown)
        kinds.append(lit.kind)
        if lit.rim is not None:
            measured = replace(lit.rim, bounds=(0, 0, whole[2] - whole[0], whole[3] - whole[1]))
            rim = measured.moved(whole[0] - rectangle[0], whole[1] - rectangle[1])
    inner = _part(image, rectangle)
    found = Aperture((width, height), rectangle, hidden, None, tuple(kinds), lit.retreat_px, rim)
    stripes = find_stripes(inner, glass, hidden)
    return Sighting(found if stripes is None else covered_by(found, stripes, STRIPE), lit.untold)


def _part(image: Image, rectangle: Rectangle) -> Image:
    x0, y0, x1, y1 = rectangle
    part: Image = image[y0:y1, x0:x1]
    return part


def _central_glass(image: Image) -> NDArray[np.float64]:
    """(3,) float64 BGR of empty glass in the middle quarter of a picture."""
    height, width = image.shape[:2]
    middle = image[height // 4 : height - height // 4, width // 4 : width - width // 4]
    step = max(1, min(middle.shape[:2]) // 128)
    return background_colour(np.ascontiguousarray(middle[::step, ::step]))


def _tightened(rectangle: Rectangle, hidden: NDArray[np.bool_]) -> tuple[Rectangle, NDArray[np.bool_] | None]:
    """The bounding rectangle of what is not hidden, and the mask in it."""
    x, y, width, height = cv2.boundingRect((~hidden).astype(np.uint8))
    x0, y0 = rectangle[0] + x, rectangle[1] + y
    inner = hidden[y : y + height, x : x + width]
    return (x0, y0, x0 + width, y0 + height), (np.ascontiguousarray(inner) if inner.any() else None)
