"""Central pallor: how wide the pale middle of a red cell is.

The absorbance in green is averaged along ellipses that have the cell's outline at 1 and its middle at 0. The pale
middle ends where the absorbance has risen half of the way from the middle's to the rim's. That is wider than what an
eye calls pale, which is about a third of a normal cell: by it a normal cell's middle measures 0.41.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.vision.optics.stain import OFFSET

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_DEPTH = 0.1
"""By how much less than its rim the middle of a cell absorbs, as a share of that; below, no pallor is seen."""
_RADII = np.linspace(0.0, 0.95, 20, dtype=np.float32)
"""Relative radii at which a cell is sampled; the outermost pixels are half glass."""
_ANGLES = np.arange(24, dtype=np.float32) * np.float32(2 * np.pi / 24)
_RIM = 0.85
"""Of the rim's own fall to the glass nothing is taken for pallor: it is looked for within this relative radius."""
_MIDDLE = 4
"""Innermost radii whose mean is the middle's absorbance."""
_DARK_MIDDLE = 0.05
"""By how much more than the palest ring the middle may absorb, as a share of the rim: beyond, it is a target cell's."""
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


def pallor_of(green: NDArray[np.uint8], outline: NDArray[np.int32], glass: float) -> float:
    """Diameter of the pale middle of a cell by the cell's own; 0 where none is seen.

    Args:
        green: (h, w) of the field.
        outline: (n, 1, 2) of the cell, pixels.
        glass: level of green where nothing absorbs.
    """
    absorbed = _profile(green, outline, glass)
    rim = int(np.argmax(np.where(_RADII <= _RIM, absorbed, -np.inf)))
    high, middle = float(absorbed[rim]), float(absorbed[:_MIDDLE].mean())
    shallow = high <= 0 or high - middle < LEAST_DEPTH * high
    if shallow or middle - float(absorbed[: rim + 1].min()) > _DARK_MIDDLE * high:
        return 0.0
    half = (middle + high) / 2
    end = int(np.argmax(absorbed[: rim + 1] >= half))
    if end == 0:
        return 0.0
    low, top = float(absorbed[end - 1]), float(absorbed[end])
    share = 0.0 if top == low else (half - low) / (top - low)
    return float(_RADII[end - 1] + share * (_RADII[end] - _RADII[end - 1]))


def _profile(green: NDArray[np.uint8], outline: NDArray[np.int32], glass: float) -> NDArray[np.float64]:
    """Mean absorbance of a cell at each of `_RADII`."""
    (x, y), (width, height), angle = cv2.minAreaRect(outline)
    turn = np.radians(angle)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    ring = (_CIRCLE * np.array([width, height]) / 2) @ axes
    places = _RADII[:, None, None] * ring + np.array([x, y])
    columns, rows = np.rint(places).astype(np.intp).transpose(2, 0, 1)
    high, wide = green.shape
    levels = green[np.clip(rows, 0, high - 1), np.clip(columns, 0, wide - 1)]
    return np.asarray(-np.log((levels + OFFSET) / (glass + OFFSET)).mean(axis=1), np.float64)
