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
    from collections.abc import Sequence

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


def pallors_of(green: NDArray[np.uint8], outlines: Sequence[NDArray[np.int32]], glass: float) -> NDArray[np.float32]:
    """(n,) diameter of the pale middle of each cell by the cell's own; 0 where none is seen.

    Args:
        green: (h, w) of the field.
        outlines: (m, 1, 2) of each cell, pixels.
        glass: level of green where nothing absorbs.
    """
    if not outlines:
        return np.zeros(0, np.float32)
    absorbed = _profiles(green, outlines, glass)
    cells, ring = np.arange(len(absorbed)), np.arange(len(_RADII))
    rim = np.argmax(np.where(_RADII <= _RIM, absorbed, -np.inf), axis=1)
    high, middle = absorbed[cells, rim], absorbed[:, :_MIDDLE].mean(axis=1)
    within = ring <= rim[:, None]
    palest = np.where(within, absorbed, np.inf).min(axis=1)
    half = (middle + high) / 2
    end = np.argmax(within & (absorbed >= half[:, None]), axis=1)
    seen = (high > 0) & (high - middle >= LEAST_DEPTH * high) & (middle - palest <= _DARK_MIDDLE * high) & (end > 0)
    before = np.maximum(end - 1, 0)
    low, top = absorbed[cells, before], absorbed[cells, end]
    share = np.where(top == low, 0.0, (half - low) / np.where(top == low, 1.0, top - low))
    return np.where(seen, _RADII[before] + share * (_RADII[end] - _RADII[before]), 0.0).astype(np.float32)


def _profiles(green: NDArray[np.uint8], outlines: Sequence[NDArray[np.int32]], glass: float) -> NDArray[np.float64]:
    """(n, radii) mean absorbance of each cell at each of `_RADII`."""
    ellipses = np.array([(*middle, *sides, angle) for middle, sides, angle in map(cv2.minAreaRect, outlines)])
    turn = np.radians(ellipses[:, 4])
    across, down = np.cos(turn)[:, None], np.sin(turn)[:, None]
    along, beside = (_CIRCLE[:, i] * ellipses[:, 2 + i, None] / 2 for i in (0, 1))
    x = _RADII[:, None] * (along * across - beside * down)[:, None] + ellipses[:, 0, None, None]
    y = _RADII[:, None] * (along * down + beside * across)[:, None] + ellipses[:, 1, None, None]
    high, wide = green.shape
    rows, columns = (np.clip(np.rint(one).astype(np.intp), 0, most - 1) for one, most in ((y, high), (x, wide)))
    density = -np.log((np.arange(256) + OFFSET) / (glass + OFFSET))
    return np.asarray(density[green[rows, columns]].mean(axis=2), np.float64)
