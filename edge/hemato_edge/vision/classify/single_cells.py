"""Pictures of one cell each, as a data set or an atlas has them: find the cell, learn the set's scale and stain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.vision.locate.locator import find_central_cell
from hemato_edge.vision.optics.stain import measure_stain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_edge.vision.locate.locator import Locator
    from hemato_edge.vision.slide_look import LookEstimator


@dataclass(frozen=True, slots=True)
class SingleCell:
    """Where the cell of a picture is.

    Attributes:
        box: (4,) float32 xyxy pixels; the whole picture when no stained cell stands out in it.
        found: whether one did.
    """

    box: NDArray[np.float32]
    found: bool


def find_cell(image: Image, red_cell_px: float | None = None) -> SingleCell:
    """The most central stained cell of a picture.

    Args:
        image: (H, W, 3) uint8 BGR.
        red_cell_px: red-cell diameter in pixels, once the set's scale is known; it makes the box more exact.
    """
    box = find_central_cell(image, red_cell_px=red_cell_px)
    if box is None:
        height, width = image.shape[:2]
        return SingleCell(np.array([0, 0, width, height], np.float32), found=False)
    return SingleCell(np.array(box, np.float32), found=True)


def learn(image: Image, cell: SingleCell, locator: Locator, estimator: LookEstimator) -> None:
    """Add what one picture shows of scale and stain to the estimate over its set."""
    estimator.add_red_cells(locator.locate(image))
    if cell.found:
        estimator.add_stain(measure_stain(image))
        x0, y0, x1, y1 = (float(v) for v in cell.box)
        estimator.add_white_size(float(np.sqrt((x1 - x0) * (y1 - y0))))
