"""The diameter of a red cell: the scale present in every smear.

Red cells are of nearly the same size in everybody, and a field has dozens of them. So their diameter in pixels is the
scale to which pictures are normalised before locating and classifying. A guess from the bare picture starts the
locator; the red cells that it then finds give the measurement; the median over a session makes it stable.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import RBC
from hemato_edge.vision.locate.candidates import box_overlap
from hemato_edge.vision.locate.outlines import Edges, steep_edges
from hemato_edge.vision.optics.contrast import measure_contrast
from hemato_edge.vision.optics.stain import median

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.aperture import Aperture
    from hemato_edge.values import Detections
    from hemato_edge.vision.field_view import FieldView
    from hemato_edge.vision.optics.contrast import Contrast

RED_CELL_UM = 7.2
"""Mean diameter of red cells in dried, stained smears: 7.2 µm over a hundred healthy people, whose means lay
between 6.7 and 7.7 (Price-Jones, Red Blood Cell Diameters, 1933)."""
WHITE_OVER_RED = 1.88
"""Median diameter of white cells over that of red cells: 60 pictures of each of the six white classes of the pbc
training split, boxed by `find_central_cell` (lymphocytes 1.46, neutrophils 1.86, eosinophils 1.89, basophils 1.87,
immature granulocytes 1.99, monocytes 2.18)."""
MIN_RED_CELLS = 3
"""Minimum number of red cells for a measurement."""
MAX_LOOKS = 64
"""Fields in a session's scale: the median follows a change of the objective within as many fields."""
_MAX_ASPECT = 1.3
_MAX_OVERLAP = 0.05
_MAX_CELLS = 300
_GUESS_SIDE = 160
_BARE_SIDE = 1000
_SHORTEST_RADIUS = 3.5
_SMALL_RADIUS = 5.0
_LONGEST_SHARE = 0.22
_RADIUS_STEP = 1.25
_MIN_SUPPORT = 0.05
_MIN_EXCESS = 0.025
_DRAWN_SHARE = 0.92


def red_cell_diameter_px(detections: Detections, aperture: Aperture | None = None) -> float | None:
    """Median diameter in pixels of a field's red cells, or None with fewer than `MIN_RED_CELLS` good ones.

    Those that a rim of the aperture cuts are left out, where there are enough others.
    """
    sizes = red_cell_sizes_px(detections)
    if aperture is not None and aperture.hidden is not None:
        whole = red_cell_sizes_px(detections.select(~aperture.cuts(detections.boxes)))
        sizes = whole if len(whole) else sizes
    return float(median(sizes)) if len(sizes) else None


def red_cell_sizes_px(detections: Detections) -> NDArray[np.float32]:
    """(N,) diameters in pixels of a field's good red cells; none at all if fewer than `MIN_RED_CELLS` are good.

    Good ones are round, overlap no other cell, and do not touch the border. The picture's size is not known here: a
    cell whose side is the outermost of all boxes' counts as touching.
    """
    none = np.zeros(0, np.float32)
    red = detections.of_kind(RBC)
    if len(red) < MIN_RED_CELLS:
        return none
    red = red.select(np.argsort(-red.scores, kind="stable")[:_MAX_CELLS])
    extent = red.boxes[:, 2:] - red.boxes[:, :2]
    good = extent.max(axis=1) <= _MAX_ASPECT * extent.min(axis=1)
    outermost = detections.boxes[:, 2:].max(axis=0)
    good &= np.all(red.boxes[:, :2] > 1, axis=1) & np.all(red.boxes[:, 2:] < outermost - 1, axis=1)
    touching = np.count_nonzero(box_overlap(red.boxes, detections.boxes) > _MAX_OVERLAP, axis=1)
    isolated = good & (touching <= 1)  # it touches itself
    sizes = red.sizes[isolated if np.count_nonzero(isolated) >= MIN_RED_CELLS else good]
    return sizes if len(sizes) >= MIN_RED_CELLS else none


def red_cell_px_from_white(sizes: Sequence[float] | NDArray[np.float64]) -> float | None:
    """Red-cell diameter in pixels from the sizes (n,) of a set's white cells in pixels, None without any.

    For single-cell pictures without red cells; for a set of only one class the error is up to a third.
    """
    if not len(sizes):
        return None
    return float(np.median(sizes)) / WHITE_OVER_RED


class ScaleEstimator:
    """A session's red-cell diameter: the median over its latest fields."""

    def __init__(self, max_looks: int = MAX_LOOKS) -> None:
        self._diameters: deque[float] = deque(maxlen=max_looks)
        self._looks = 0

    def add(self, diameter: float) -> None:
        """Add one field's red-cell diameter in pixels.

        Raises:
            ValueError: if it is not a positive number.
        """
        if not (np.isfinite(diameter) and diameter > 0):
            msg = f"a red cell cannot measure {diameter} pixels"
            raise ValueError(msg)
        self._diameters.append(float(diameter))
        self._looks += 1

    @property
    def red_cell_px(self) -> float | None:
        """Red-cell diameter in pixels, None before the first field."""
        seen = sorted(self._diameters)
        return (seen[(len(seen) - 1) // 2] + seen[len(seen) // 2]) / 2 if seen else None

    @property
    def looks(self) -> int:
        """Number of fields added, including those no longer in the median."""
        return self._looks


def guess_red_cell_px(view: FieldView) -> float | None:
    """Red-cell diameter in pixels guessed from a field, or None if it has no round cells.

    For each radius the edges of a thumbnail vote for centres; the radius with the most votes at its best centres is
    that of the red cells, the most frequent round objects. Within 0.8 to 1.3 of the labelled cells' median in
    98 of 100 training fields of bccd, raabin_fields and pbc_boxes. Cells that are small in the thumbnail are measured
    again in a larger one; if a thumbnail of 1440 pixels shows nothing round, no larger one is tried.
    """
    side = _GUESS_SIDE
    while True:
        factor = min(1.0, side / max(view.shape[:2]))
        radius = _commonest_radius(measure_contrast(view, factor))
        bare = radius is None and side > _BARE_SIDE
        if factor == 1 or bare or (radius is not None and radius > _SMALL_RADIUS):
            return None if radius is None else 2 * radius / _DRAWN_SHARE / factor
        side *= 3


def _commonest_radius(contrast: Contrast) -> float | None:
    """The most frequent outline radius in pixels; None for fewer than three outlines."""
    unit = contrast.red_density
    nuclei = cv2.dilate(contrast.nuclei.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    edges = steep_edges(np.minimum(contrast.weight, 1.5 * unit), unit, floor=0.06, skip=nuclei)
    steps = np.log(max(_LONGEST_SHARE * min(edges.shape) / _SHORTEST_RADIUS, 1)) / np.log(_RADIUS_STEP)
    radii = _SHORTEST_RADIUS * _RADIUS_STEP ** np.arange(int(steps) + 1)
    excess = [_excess_support(edges, float(radius)) for radius in radii]
    support = [float(one.sum()) * float(radius) for one, radius in zip(excess, radii, strict=True)]
    peak = int(np.argmax(support))
    if len(excess[peak]) < MIN_RED_CELLS or excess[peak].mean() < _MIN_EXCESS:
        return None
    shift = 0.0
    if 0 < peak < len(radii) - 1:
        low, middle, high = support[peak - 1 : peak + 2]
        curve = low - 2 * middle + high
        shift = 0.5 * (low - high) / curve if curve < 0 else 0.0
    return float(radii[peak] * _RADIUS_STEP**shift)


def _excess_support(edges: Edges, radius: float) -> NDArray[np.float32]:
    """Mean edge strength above chance along circles of `radius` pixels, (N,) for the best centres."""
    spread = max(0.7, 0.14 * radius)
    smooth = cv2.GaussianBlur(edges.votes(radius, int(radius) + 1).astype(np.float32), (0, 0), spread)
    votes = np.asarray(smooth, np.float32) * np.float32(spread**2 / radius)
    side = int(radius) | 1
    best = votes[(votes >= cv2.dilate(votes, np.ones((side, side), np.uint8))) & (votes > _MIN_SUPPORT)]
    return best - np.float32(_MIN_SUPPORT)
