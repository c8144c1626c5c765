"""How much the red cells of a field absorb: the third point of its stain."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import RBC, WBC
from hemato_edge.vision.optics.stain import density

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Detections
    from hemato_edge.vision.field_view import FieldView
    from hemato_edge.vision.optics.stain import StainCalibration

LEAST_CELLS = 3
"""Red cells that a picture must show before their colour is taken from it."""
_INSIDE = 0.8
"""Share of a red cell's box, across, that is surely cell."""
_LEAST_PX = 20


def with_red_cells(stain: StainCalibration | None, view: FieldView, detections: Detections) -> StainCalibration | None:
    """The stain of one picture, completed by the colour of the red cells among what was found in it."""
    if stain is None:
        return None
    red, white = detections.of_kind(RBC).boxes, detections.of_kind(WBC).boxes
    return replace(stain, red_od=measure_red_cells(view, red, white))


def measure_red_cells(
    view: FieldView, red_cells: NDArray[np.float32], others: NDArray[np.float32] | None = None
) -> tuple[float, float, float] | None:
    """Absorbance of the red cells of one picture in B, G, R, or None where fewer than `LEAST_CELLS` stand free.

    The median over cells of each cell's median over the inner part of its box.

    Args:
        view: the picture.
        red_cells: (N, 4) xyxy pixels.
        others: (M, 4) xyxy pixels, boxes of other cells: a red cell that touches one does not count.
    """
    found = []
    for x0, y0, x1, y1 in red_cells:
        if others is not None and len(others):
            near = (others[:, 0] < x1) & (others[:, 2] > x0) & (others[:, 1] < y1) & (others[:, 3] > y0)
            if near.any():
                continue
        left, top, right, bottom = max(round(x0), 0), max(round(y0), 0), round(x1), round(y1)
        cell = view.picture[top:bottom, left:right]
        inside = np.zeros(cell.shape[:2], np.uint8)
        middle = (float(x0 + x1) / 2 - left, float(y0 + y1) / 2 - top)
        axes = (_INSIDE * float(x1 - x0), _INSIDE * float(y1 - y0))
        cv2.ellipse(inside, (middle, axes, 0.0), [255.0], -1)
        pixels = cell[inside > 0]
        if len(pixels) >= _LEAST_PX:
            found.append(np.median(density(np.ascontiguousarray(pixels[None]), view.background)[0], axis=0))
    if len(found) < LEAST_CELLS:
        return None
    b, g, r = (float(v) for v in np.median(found, axis=0))
    return b, g, r
