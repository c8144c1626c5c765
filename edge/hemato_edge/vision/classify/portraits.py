"""Small pictures of single cells, stored with their counts: for the report, for review and for training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.values import Portrait
from hemato_edge.vision.classify.crops import cut_square, halvings
from hemato_edge.vision.optics.resizing import to_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Cell, CutPortrait, FieldResult, Image
    from hemato_edge.vision.field_view import FieldView

PORTRAIT_RED_CELLS = 5.0
"""Side of a portrait in red-cell diameters; the classifier's crop is the middle three. The margin shows the neighbours
to a reviewer, and lets training measure scale and stain in it again."""
PORTRAIT_PX = 192
"""Side of a portrait in pixels, the same for every camera: a red cell is always 38 pixels wide in it."""
_JPEG_QUALITY = 90


def cut_portrait(view: FieldView, centre: tuple[float, float], red_cell_px: float) -> Image | None:
    """The pixels that the portrait of the cell at `centre` is made from: (S, S, 3) uint8 BGR, S ≤ 2 × `PORTRAIT_PX`.

    None where it cannot be cut: a count never depends on it.

    Args:
        view: the field.
        centre: x, y in pixels.
        red_cell_px: diameter of a red cell, pixels.
    """
    try:
        side = PORTRAIT_RED_CELLS * red_cell_px
        return cut_square(view, centre, side, halvings(side, PORTRAIT_PX)).copy()
    except (ValueError, cv2.error):
        return None


def encode_portrait(pixels: Image, activation: NDArray[np.float32] | None = None) -> Portrait | None:
    """The portrait as it is stored; None where it cannot be encoded.

    Args:
        pixels: (S, S, 3) uint8 BGR, see `cut_portrait`.
        activation: (h, w) float32, class activation map over the classifier's crop; only its positive part is stored.
    """
    try:
        scaled = to_size(pixels, (PORTRAIT_PX, PORTRAIT_PX))
        good, content = cv2.imencode(".jpg", scaled, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    except cv2.error:
        return None
    return Portrait(content.tobytes(), None if activation is None else _shares(activation)) if good else None


def developed(result: FieldResult) -> FieldResult:
    """A field's result with the portraits of its cells, which the analysis only cut: for the thread that stores them.

    Scaling and compressing a portrait takes about as long as naming its cell.
    """
    if all(cell.cut is None for cell in result.new_cells):
        return result
    return replace(result, new_cells=tuple(_developed(cell, cell.cut) for cell in result.new_cells))


def _developed(cell: Cell, cut: CutPortrait | None) -> Cell:
    return cell if cut is None else replace(cell, portrait=encode_portrait(cut.pixels, cut.activation), cut=None)


def _shares(activation: NDArray[np.float32]) -> NDArray[np.uint8]:
    positive = np.maximum(activation, 0)
    shares: NDArray[np.uint8] = np.rint(255 * positive / max(float(positive.max()), 1e-6)).astype(np.uint8)
    return shares
