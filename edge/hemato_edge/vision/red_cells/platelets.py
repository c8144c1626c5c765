"""What platelets of a field are like: giant ones, and those that lie together in clumps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.labels import PLATELET

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Detections

GIANT_RED_CELLS = 1.0
"""A giant platelet is larger than a red cell (L. Palmer et al., Int. J. Lab. Hematol. 37, 2015, 287-303)."""
CLUMP = 3
"""Platelets that lie together are a clump from so many on; two may lie so by chance."""
CLOSE_RED_CELLS = 0.15
"""Platelets whose boxes are no further apart than this share of a red cell's diameter lie together."""


def giant_platelets(detections: Detections, red_cell_px: float) -> NDArray[np.bool_]:
    """(N,) of the detections, those that are platelets larger than a red cell of `red_cell_px` pixels."""
    return np.asarray((detections.kinds == PLATELET) & (detections.sizes > GIANT_RED_CELLS * red_cell_px), np.bool_)


def clumped_platelets(detections: Detections, red_cell_px: float) -> NDArray[np.bool_]:
    """(N,) of the detections, those that are platelets in a clump, with red cells of `red_cell_px` pixels."""
    where = np.flatnonzero(detections.kinds == PLATELET)
    clumped = np.zeros(len(detections), np.bool_)
    if len(where) < CLUMP:
        return clumped
    boxes = detections.boxes[where]
    gaps = np.maximum(boxes[:, None, :2] - boxes[None, :, 2:], boxes[None, :, :2] - boxes[:, None, 2:]).max(axis=2)
    group = _groups(gaps <= CLOSE_RED_CELLS * red_cell_px)
    clumped[where[np.bincount(group)[group] >= CLUMP]] = True
    return clumped


def _groups(touching: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(n,) the least index that each of n is connected to, from (n, n) who touches whom."""
    group = np.arange(len(touching))
    while True:
        least = np.where(touching, group[None, :], len(touching)).min(axis=1)
        if (least == group).all():
            return group
        group = least
