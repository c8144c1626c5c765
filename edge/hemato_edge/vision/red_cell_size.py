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
    if not len(red):
        return np.zeros(0, np.float32)
    absorbed = _absorbed(view)
    rim = float(np.median([_rim(absorbed, box) for box in red]))
    if rim < _LEAST_ABSORBANCE:
        return np.zeros(0, np.float32)
    outlines, _ = cv2.findContours((absorbed > rim / 2).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = (_diameter(np.asarray(outline, np.int32), red, view) for outline in outlines)
    return np.array([one for one in found if one is not None], np.float32)


def _absorbed(view: FieldView) -> NDArray[np.float32]:
    """(h, w) float32 absorbance in green, natural logarithm; smoothed by a pixel, so that noise frays no outline."""
    levels = np.arange(256, dtype=np.float32)
    table = -np.log((levels + OFFSET) / (float(view.background[1]) + OFFSET))
    green = cv2.GaussianBlur(np.ascontiguousarray(view.picture[..., 1]), (3, 3), 0)
    return np.asarray(table[green], np.float32)


def _rim(absorbed: NDArray[np.float32], box: NDArray[np.float32]) -> float:
    x0, y0, x1, y1 = (max(0, int(side)) for side in box)
    inside = absorbed[y0:y1, x0:x1]
    return float(np.percentile(inside, _RIM_PERCENTILE)) if inside.size else 0.0


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
