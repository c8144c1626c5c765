"""The absorbance of a field's red cells: the third reference point of its stain."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.labels import RBC, WBC
from hemato_edge.vision.optics.stain import OFFSET, median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Detections
    from hemato_edge.vision.field_view import FieldView
    from hemato_edge.vision.optics.stain import StainCalibration

LEAST_CELLS = 3
"""Minimum number of red cells for their colour to be measured."""
_INSIDE = 0.8
"""Share of a red cell's box, across, that is certainly cell."""
_LEAST_SIDE_PX = 5.0
_ACROSS = 13


def _points_of_a_disc() -> NDArray[np.float32]:
    """(N, 2) float32 x, y on a grid within `_INSIDE` of the unit disc: sampling points of a cell, in half diameters."""
    steps = np.linspace(-_INSIDE, _INSIDE, _ACROSS, dtype=np.float32)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    return np.asarray(grid[np.hypot(*grid.T) <= _INSIDE + 1e-6], np.float32)


_DISC = _points_of_a_disc()


def with_red_cells(stain: StainCalibration | None, view: FieldView, detections: Detections) -> StainCalibration | None:
    """The stain of one picture, completed by the colour of the red cells among its detections."""
    if stain is None:
        return None
    red, white = detections.of_kind(RBC).boxes, detections.of_kind(WBC).boxes
    return replace(stain, red_od=measure_red_cells(view, red, white))


def measure_red_cells(
    view: FieldView, red_cells: NDArray[np.float32], others: NDArray[np.float32] | None = None
) -> tuple[float, float, float] | None:
    """Absorbance of the red cells of one picture in B, G, R, or None if fewer than `LEAST_CELLS` are isolated.

    The median over cells of each cell's median over a hundred points in the inner part of its box.

    Args:
        view: the picture.
        red_cells: (N, 4) xyxy pixels.
        others: (M, 4) xyxy pixels, boxes of other cells: a red cell that touches one is ignored.
    """
    free = np.asarray(red_cells, np.float32).reshape(-1, 4)
    if others is not None and len(others):
        apart = (free[:, None, :2] >= others[None, :, 2:]) | (free[:, None, 2:] <= others[None, :, :2])
        free = free[apart.any(axis=2).all(axis=1)]
    free = free[((free[:, 2:] - free[:, :2]) >= _LEAST_SIDE_PX).all(axis=1)]
    if len(free) < LEAST_CELLS:
        return None
    height, width = view.shape[:2]
    places = (free[:, None, :2] + free[:, None, 2:]) / 2 + _DISC * ((free[:, None, 2:] - free[:, None, :2]) / 2)
    x, y = np.rint(places).astype(np.intp).transpose(2, 0, 1)
    at = np.clip(y, 0, height - 1) * width + np.clip(x, 0, width - 1)
    levels = median(view.picture.reshape(-1, 3).take(at, axis=0), axis=1)
    absorbed = -np.log((levels + OFFSET) / (view.background + OFFSET))
    b, g, r = (float(v) for v in median(absorbed))
    return b, g, r
