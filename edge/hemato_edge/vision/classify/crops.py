"""Cutting cells out of a field and converting them to the classifier's input.

This is the only implementation: training uses it too, so the model is trained on exactly what it sees on the device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_edge.vision.field_view import FieldView
    from hemato_edge.vision.optics.stain import StainCalibration

CROP_RED_CELLS = 3.0
"""Side of a crop in red-cell diameters: 21.6 µm, enough for the largest monocyte. Scaled by the red cells and not
by the cell itself, because a cell's size is diagnostic."""


def crop_side_px(red_cell_px: float) -> float:
    """Side of a classifier crop in pixels of the field, for a red-cell diameter in pixels."""
    return CROP_RED_CELLS * red_cell_px


def cut_crop(view: FieldView, centre: tuple[float, float], side_px: float, size: int) -> Image:
    """A square around `centre`, (size, size, 3) uint8 BGR.

    It is averaged from the field itself, or, where it has four times as many pixels across, from the field's exactly
    halved copy that has at least twice as many.

    Args:
        view: the field.
        centre: x, y in pixels.
        side_px: side of the square in pixels of the field; outside of the field it is filled with the background
            colour, so that a cell at the border never gets a mirrored neighbour.
        size: side of the result in pixels.

    Raises:
        ValueError: the side is less than one pixel.
    """
    square = cut_square(view, centre, side_px, halvings(side_px, 2 * size))
    how = cv2.INTER_AREA if len(square) > size else cv2.INTER_LINEAR
    return cv2.resize(square, (size, size), interpolation=how)  # type: ignore[return-value]


def halvings(side_px: float, least_px: float) -> int:
    """How often a side can be halved and stays no shorter than `least_px`."""
    level = 0
    while side_px >= least_px * 2 ** (level + 1):
        level += 1
    return level


def cut_square(view: FieldView, centre: tuple[float, float], side_px: float, level: int = 0) -> Image:
    """The square around `centre`, cut from the field halved `level` times and not scaled: (S, S, 3) uint8 BGR.

    S = round(side_px / 2 ** level); see `cut_crop`. `centre` is x, y in pixels of the field.
    """
    side = round(side_px / 2**level)
    if side < 1:
        msg = f"a crop needs a side of at least one pixel, not {side_px}"
        raise ValueError(msg)
    x0, y0 = (round(place / 2**level - side / 2) for place in centre)
    inside = view.halved_copy(level)[max(y0, 0) : max(y0 + side, 0), max(x0, 0) : max(x0 + side, 0)]
    if inside.shape[:2] != (side, side):
        glass = np.rint(view.background).tolist()
        top, left = min(max(-y0, 0), side), min(max(-x0, 0), side)
        bottom, right = side - top - inside.shape[0], side - left - inside.shape[1]
        if not inside.size:
            inside, top, left, bottom, right = np.full((1, 1, 3), glass, np.uint8), 0, 0, side - 1, side - 1
        whole = cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_CONSTANT, value=glass)
        return np.asarray(whole, np.uint8)
    return inside


def prepare(crops: NDArray[np.uint8], stain: StainCalibration) -> NDArray[np.uint8]:
    """The classifier's input, (N, S, S, 3) uint8 RGB in the reference stain, from crops (N, S, S, 3) uint8 BGR.

    Every step works on single pixels, so the batch is processed as one tall picture.
    """
    if not len(crops):
        return crops
    n, size = crops.shape[:2]
    tall = np.ascontiguousarray(crops).reshape(n * size, size, 3)
    stained = cv2.cvtColor(cv2.LUT(tall, stain.table()), cv2.COLOR_BGR2RGB)
    return stained.reshape(n, size, size, 3)  # type: ignore[return-value]
