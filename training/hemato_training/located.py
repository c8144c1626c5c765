"""Where the device would see a labelled cell: its locator's own box in place of the drawn one.

People draw roomier boxes than a locator, and a crop is cut round the middle of the box: a classifier should learn from
crops that are cut where the device will cut them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.labels import WBC
from hemato_edge.vision.candidates import box_overlap

if TYPE_CHECKING:
    from hemato_edge.values import Detections, Image
    from hemato_edge.vision.locator import Locator

    Box = tuple[float, float, float, float]

LEAST_OVERLAP = 0.3
"""A detection that overlaps the drawn box by less (intersection over union) is another cell's."""


def best_match(found: Detections, drawn: Box, kind: int | None = WBC) -> Box | None:
    """The detection that overlaps a drawn box best.

    Args:
        found: what the locator found in the picture.
        drawn: x0, y0, x1, y1 in its pixels.
        kind: index into `labels.KINDS` that the detection must have; None for any.

    Returns:
        Its x0, y0, x1, y1, or None where none overlaps by `LEAST_OVERLAP`.
    """
    candidates = found if kind is None else found.of_kind(kind)
    if not len(candidates):
        return None
    overlap = box_overlap(candidates.boxes, np.array([drawn], np.float32))[:, 0]
    best = int(np.argmax(overlap))
    if overlap[best] < LEAST_OVERLAP:
        return None
    x0, y0, x1, y1 = (float(side) for side in candidates.boxes[best])
    return x0, y0, x1, y1


def located_box(
    locator: Locator, image: Image, drawn: Box, *, red_cell_px: float | None = None, kind: int | None = WBC
) -> Box:
    """The locator's own box of a labelled cell, or the drawn one where it does not find the cell.

    Args:
        locator: the device's.
        image: (H, W, 3) uint8 BGR.
        drawn: x0, y0, x1, y1 in pixels.
        red_cell_px: red-cell diameter in pixels, if the session's is known.
        kind: see `best_match`.

    Raises:
        ImageError: if `image` is not a colour picture of 8 bits.
    """
    return best_match(locator.locate(image, red_cell_px=red_cell_px), drawn, kind) or drawn
