"""Pictures of one cell each, as in a data set or an atlas: find the cell, estimate the set's scale and stain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.vision.locate.locator import find_central_cell
from hemato_edge.vision.optics.nuclei import measure_stain
from hemato_edge.vision.optics.red_cells import with_red_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.vision.field_view import FieldView
    from hemato_edge.vision.locate.locator import Locator
    from hemato_edge.vision.slide_appearance import AppearanceEstimator


@dataclass(frozen=True, slots=True)
class SingleCell:
    """The position of the cell in a picture.

    Attributes:
        box: (4,) float32 xyxy pixels; the whole picture if no stained cell was found.
        found: whether one was.
    """

    box: NDArray[np.float32]
    found: bool


def find_cell(view: FieldView) -> SingleCell:
    """The most central stained cell of a picture; more precise once the set's scale is known."""
    box = find_central_cell(view)
    if box is None:
        width, height = view.size
        return SingleCell(np.array([0, 0, width, height], np.float32), found=False)
    return SingleCell(np.array(box, np.float32), found=True)


def learn(view: FieldView, cell: SingleCell, locator: Locator, estimator: AppearanceEstimator) -> None:
    """Add one picture's scale and stain to the estimate for its set."""
    detections = locator.locate(view)
    estimator.add_red_cells(detections)
    if cell.found:
        estimator.add_stain(with_red_cells(measure_stain(view), view, detections))
        x0, y0, x1, y1 = (float(v) for v in cell.box)
        estimator.add_white_size(float(np.sqrt((x1 - x0) * (y1 - y0))))
