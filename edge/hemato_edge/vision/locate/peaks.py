"""From a network's maps to boxes: a centre-point detector (Zhou, Wang, Krähenbühl 2019, "Objects as Points").

Each kind of cell has a heat map, with a peak at the centre of each cell, and four maps that give at each place the
cell's centre offset and size, in red-cell diameters of the standard scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from hemato_edge.values import Detections
from hemato_edge.vision.locate.candidates import best_of_overlapping

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

STRIDE = 4
"""Pixels of a window per place of a map."""
BOX_VALUES = 4
"""Maps per kind besides its heat: x and y offset of the centre; logarithms of width and height."""
MAX_PEAKS = 400
"""Maximum per window; more is noise."""
_LOWEST_LOGIT = -12.0
_SIZE_LIMIT = 2.0
_AROUND = np.ones((3, 3), np.uint8)


class RealMaps(NamedTuple):
    """What turns the numbers of a network's maps, (…) of any type, into real ones, float32, and keeps their order."""

    heat: Callable[[NDArray[Any]], NDArray[np.float32]]
    boxes: Callable[[NDArray[Any]], NDArray[np.float32]]


def _as_it_is(values: NDArray[Any]) -> NDArray[np.float32]:
    return values


REAL = RealMaps(_as_it_is, _as_it_is)
"""Of maps that are real numbers already."""


def places(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """X and Y, (height, width) float32 each: positions of a map's places in the window, pixels."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return (x + 0.5) * STRIDE, (y + 0.5) * STRIDE


def find_peaks(
    heat: NDArray[np.float32], boxes: NDArray[np.float32], red_cell_px: float, min_score: float
) -> Detections:
    """The cells of one window, before non-maximum suppression.

    Args:
        heat: (h, w, kinds) float32, logits.
        boxes: (h, w, kinds × 4) float32: x, y offset of the centre in red-cell diameters; logarithms of width and
            height in red-cell diameters.
        red_cell_px: diameter of a red cell in the window, pixels.
        min_score: lower peaks are ignored.

    Returns:
        Boxes in pixels of the window.
    """
    return find_peaks_of_all(heat[None], boxes[None], red_cell_px, min_score)[0]


def find_peaks_of_all(
    heat: NDArray[Any], boxes: NDArray[Any], red_cell_px: float, min_score: float, real: RealMaps = REAL
) -> tuple[Detections, NDArray[np.intp]]:
    """The cells of n windows together, and for each the window that it lies in, (N,); see `find_peaks`.

    Args:
        heat: (n, h, w, kinds).
        boxes: (n, h, w, kinds × 4).
        red_cell_px: as there.
        min_score: as there.
        real: of both; int8 maps are searched as they are, and only their peaks become real numbers.
    """
    floor = _LOWEST_LOGIT if min_score <= 0 else max(_LOWEST_LOGIT, float(np.log(min_score / (1 - min_score + 1e-9))))
    levels, least = heat, floor
    if heat.dtype == np.int8:  # OpenCV dilates no int8
        levels = heat.view(np.uint8) ^ np.uint8(128)
        least = int(np.searchsorted(real.heat(np.arange(-128, 128, dtype=np.int8)), floor))
    highest = np.stack([cv2.dilate(one, _AROUND).reshape(one.shape) for one in levels])
    places = _strongest(np.flatnonzero((levels >= highest) & (levels >= least)), levels)
    logits = real.heat(heat.ravel()[places])
    values = real.boxes(boxes.reshape(-1, BOX_VALUES)[places])
    windows, rows, columns, kinds = np.unravel_index(places, heat.shape)
    middle = (np.stack([columns, rows], axis=1) + 0.5) * STRIDE + values[:, :2] * red_cell_px
    half = np.exp(np.clip(values[:, 2:], -_SIZE_LIMIT, _SIZE_LIMIT)) * (red_cell_px / 2)
    found = np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return Detections(found, kinds.astype(np.int8), scores), windows


def _strongest(places: NDArray[np.intp], heat: NDArray[Any]) -> NDArray[np.intp]:
    """Of the peaks at these places of `heat`, (n, h, w, kinds) laid flat, the `MAX_PEAKS` highest of each window."""
    if len(places) <= MAX_PEAKS:
        return places
    levels, windows = heat.ravel()[places].astype(np.float32), places // heat[0].size
    ranked = np.lexsort((-levels, windows))
    rank = np.arange(len(places)) - np.searchsorted(windows[ranked], windows[ranked])
    return np.sort(places[ranked[rank < MAX_PEAKS]])


def one_box_a_cell(detections: Detections, max_overlap: Sequence[float]) -> Detections:
    """Non-maximum suppression within each kind, by that kind's limit of intersection over union."""
    kinds = detections.kinds
    kept = best_of_overlapping(detections.boxes, detections.scores, np.asarray(max_overlap)[kinds], kinds)
    return detections.select(kept[np.argsort(kinds[kept], kind="stable")])
