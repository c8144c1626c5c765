"""Diameters of the red cells that stand free in a field: what a Price-Jones curve is made of.

C. Price-Jones, "Red Blood Cell Diameters", Oxford University Press 1933: mean and spread of the diameters in a smear. A
cell's outline is where it absorbs half as much as its rim does; central pallor is filled. The diameter is that of a
circle of the same area.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import RBC
from hemato_edge.vision.optics.stain import OFFSET

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Detections
    from hemato_edge.vision.field_view import FieldView

_RIM_PERCENTILE = 80
"""Of the absorbance within the red cells' boxes: what their rims absorb, whatever the pallor."""
_RIMS = 8
"""Red cells of a field whose rims are looked at, about."""
_LEAST_ABSORBANCE = 0.05
"""Of the rims in green; below, the outline is noise."""
_LEAST_OVERLAP = 0.6
"""Intersection over union of an outline's box and the detection's: they are the same cell, with nothing else in it."""
_LEAST_SOLIDITY = 0.94
"""Area of the outline by that of its convex hull: two cells that touch fall below."""
_LONGEST_BY_WIDTH = 1.4
"""Length by width of the outline's smallest rectangle; a longer one is two cells, or a cell that is folded."""
_LEAST_DIAMETER_PX = 8.0


def red_cell_diameters(view: FieldView, detections: Detections) -> NDArray[np.float32]:
    """(n,) float32 diameters, pixels, of the red cells of a field that stand free and whole.

    Args:
        view: the field.
        detections: the cells found in it, pixels of the view.
    """
    red = detections.of_kind(RBC).boxes
    green = np.asarray(cv2.extractChannel(view.picture, 1), np.uint8)
    level = _outline_level(green, red, float(view.background[1]))
    if level is None:
        return np.zeros(0, np.float32)
    smooth = cv2.GaussianBlur(green, (3, 3), 0)  # noise frays no outline
    _, cells = cv2.threshold(smooth, level, 1, cv2.THRESH_BINARY_INV)
    outlines, _ = cv2.findContours(cells, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = (_diameter(np.asarray(outline, np.int32), red, view) for outline in outlines)
    return np.array([one for one in found if one is not None], np.float32)


def _outline_level(green: NDArray[np.uint8], red: NDArray[np.float32], glass: float) -> float | None:
    """The level of green (h, w) that absorbs half as much as the rims of red cells (n, 4) do; None if that is noise."""
    boxes = red[:: 1 + len(red) // _RIMS].astype(int).clip(0)
    rims = [
        float(np.percentile(inside, 100 - _RIM_PERCENTILE))
        for x0, y0, x1, y1 in boxes.tolist()
        if (inside := green[y0:y1:2, x0:x1:2]).size
    ]
    if not rims:
        return None
    absorbed = -np.log((np.median(rims) + OFFSET) / (glass + OFFSET))
    return float((glass + OFFSET) * np.exp(-absorbed / 2) - OFFSET) if absorbed >= _LEAST_ABSORBANCE else None


def _diameter(outline: NDArray[np.int32], red: NDArray[np.float32], view: FieldView) -> float | None:
    """Diameter of the one red cell in an outline (n, 1, 2), pixels; None where it is not one whole round cell."""
    x, y, width, height = cv2.boundingRect(outline)
    if min(width, height) < _LEAST_DIAMETER_PX or not _is_one_of(np.array([x, y, x + width, y + height]), red):
        return None
    middle = np.array([[x + width / 2, y + height / 2]])
    if not view.aperture.holds(middle, np.array([max(width, height) / 2 + 1])).all():
        return None
    inside = cv2.contourArea(outline)
    sides = cv2.minAreaRect(outline)[1]
    if inside < _LEAST_SOLIDITY * cv2.contourArea(cv2.convexHull(outline)) or max(sides) > _LONGEST_BY_WIDTH * min(
        sides
    ):
        return None
    area = inside + len(outline) / 2  # the polygon runs through the middles of the outermost pixels
    return 2 * float(np.sqrt(area / np.pi))


def _is_one_of(box: NDArray[np.intp], others: NDArray[np.float32]) -> bool:
    """Whether a box (4,) xyxy is that of one of the others (n, 4)."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.clip(sides, 0, None).prod(axis=1)
    whole = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1) - shared
    return bool((shared >= _LEAST_OVERLAP * whole).any())
