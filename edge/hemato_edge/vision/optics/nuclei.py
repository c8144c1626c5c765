"""The nuclei of a field and their absorbance: the second reference point of its stain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import WBC
from hemato_edge.vision.optics.stain import StainCalibration, darkest_class, density, median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Detections
    from hemato_edge.vision.field_view import FieldView

_SURE_CELL = 0.5
_MIN_NUCLEUS_OD = 0.35
_LEAST_PX = 30
"""Fewer pixels than a platelet has: too few to measure."""
_SAMPLED_RED_PX = 60.0


def sampling_step(red_cell_px: float | None) -> int:
    """Every how many-th pixel, across and down, suffices for a stain, at a red-cell diameter in pixels."""
    return max(1, int((red_cell_px or 0.0) / _SAMPLED_RED_PX))


def nuclei_in(view: FieldView, detections: Detections, step: int = 1) -> NDArray[np.bool_]:
    """(h, w) bool: the nuclei of the white cells, the darkest class in the box of each.

    With a `step` from `sampling_step`, only every so many-th pixel of a nucleus is marked.
    """
    mask = np.zeros(view.shape[:2], np.bool_)
    sure = (detections.kinds == WBC) & (detections.scores >= _SURE_CELL)
    for x0, y0, x1, y1 in np.rint(detections.boxes[sure]).astype(int).tolist():
        part = view.picture[y0:y1:step, x0:x1:step]
        if part.size:
            mask[y0:y1:step, x0:x1:step] |= darkest_class(density(part, view.background))
    return mask


def measure_stain(view: FieldView, nuclei: NDArray[np.bool_] | None = None) -> StainCalibration | None:
    """Background and nuclear absorbance of one picture, or None if it shows no nucleus.

    Args:
        view: the picture.
        nuclei: (h, w) bool, where the nuclei are; by default the darkest class of the picture, which is right for a
            picture of one white cell.
    """
    if nuclei is None:
        nuclei = darkest_class(density(view.picture, view.background))
    pixels = view.picture.reshape(-1, 3).take(np.flatnonzero(nuclei), axis=0)
    if len(pixels) < _LEAST_PX:
        return None
    blue, green, red = (one.ravel() for one in cv2.split(density(pixels[None], view.background)))
    total = blue + green + red
    dark = total >= median(total)
    nucleus = [float(median(channel[dark])) for channel in (blue, green, red)]
    if nucleus[1] < _MIN_NUCLEUS_OD:
        return None
    b, g, r = (float(v) for v in view.background)
    nb, ng, nr = (float(v) for v in nucleus)
    return StainCalibration((b, g, r), (nb, ng, nr), looks=1)
