"""Matches detections to known cells by place on the slide, kind and size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.aperture import BORDER_PX
from hemato_edge.neighbours import near_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.aperture import Aperture
    from hemato_edge.counting.confirmation import KnownCell
    from hemato_edge.values import Detections, Pose

MATCH_RED_CELLS = (0.8, 0.5, 0.3)
"""Maximum distance between a detection and its known cell, in red-cell diameters, by kind: the box of a white cell
shifts most, when a lobe of its nucleus is missed; platelets are small and lie in clumps."""
ANOTHER_KIND_RED_CELLS = 0.35
"""Maximum distance where the kinds differ, if the sizes match."""
SAME_SIZE = 1.6


def matched(
    detections: Detections, around: list[KnownCell], pose: Pose, red_cell_px: float, aperture: Aperture
) -> list[KnownCell | None]:
    """For each detection its known cell, or None: nearest pairs first, no cell twice."""
    found: list[KnownCell | None] = [None] * len(detections)
    if not around or not len(detections):
        return found
    places = pose.in_frame(np.array([(cell.x, cell.y) for cell in around]), aperture.size)
    centres = detections.centres
    i, j = near_pairs(centres, places, max(MATCH_RED_CELLS) * red_cell_px)
    distance = np.hypot(*(centres[i] - places[j]).T) / red_cell_px
    reach = _reach(detections, around, i, j)
    near = distance < reach
    nearness = distance[near] / np.maximum(reach[near], 1e-6)
    pairs = np.column_stack([i[near], j[near]])[np.argsort(nearness, kind="stable")]
    taken: set[int] = set()
    for mine, known in pairs.tolist():
        if found[mine] is None and known not in taken:
            found[mine] = around[known]
            taken.add(known)
    return found


def _reach(
    detections: Detections, around: list[KnownCell], i: NDArray[np.intp], j: NDArray[np.intp]
) -> NDArray[np.float64]:
    """(P,) maximum distance of the pairs (i, j) of detection and known cell, red-cell diameters; 0: no match."""
    theirs = np.array([cell.kind for cell in around])[j]
    same = detections.kinds[i] == theirs
    reach = np.where(same, np.array(MATCH_RED_CELLS)[theirs], ANOTHER_KIND_RED_CELLS)
    sizes = np.array([cell.size for cell in around])[j]
    ratio = np.abs(np.log(detections.sizes[i] / sizes))
    allowed: NDArray[np.float64] = np.where(same | (ratio < math.log(SAME_SIZE)), reach, 0.0)
    return allowed


def whole_in_view(cells: list[KnownCell], pose: Pose, aperture: Aperture) -> set[int]:
    """The numbers of those cells that a frame should show whole, and clear of overlays."""
    if not cells:
        return set()
    places = pose.in_frame(np.array([(cell.x, cell.y) for cell in cells]), aperture.size)
    margins = np.array([cell.size for cell in cells]) / 2 + 2 * BORDER_PX
    whole = aperture.holds(places, margins)
    if aperture.bridged is not None:
        whole &= ~aperture.veils(np.hstack([places - margins[:, None], places + margins[:, None]]))
    return {cell.number for cell, is_whole in zip(cells, whole.tolist(), strict=True) if is_whole}
