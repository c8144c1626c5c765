"""The learned locator: a network runs on the field at the standard scale, and its peaks become boxes."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hemato_edge.labels import KINDS, RBC, WBC
from hemato_edge.values import Detections
from hemato_edge.vision.locate.candidates import box_overlap
from hemato_edge.vision.locate.locator import HALF_RED_CELLS, RESCALE, is_too_small
from hemato_edge.vision.locate.peaks import REAL, find_peaks_of_all, one_box_a_cell
from hemato_edge.vision.locate.windows import LARGEST, plan, windows_of
from hemato_edge.vision.scale import guess_red_cell_px, red_cell_diameter_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.aperture import Aperture
    from hemato_edge.vision.field_view import FieldView
    from hemato_edge.vision.locate.windows import Grid, Window, WindowSpec

MAX_OVERLAP = (0.4, 0.5, 0.4)
"""By kind: of two boxes that overlap by more than this (intersection over union) the worse one is dropped. Red cells
overlap each other; white cells and platelets hardly do."""
_TRUSTED_SCORE = 0.3
"""Minimum score of red cells that set the scale of an unknown picture, whatever is reported."""
_WINDOWS_AT_ONCE = 8
"""Their maps are held together: those of a picture of many megapixels would take hundreds of megabytes."""
_WHOLE_RED_CELLS = np.array([1.2, 0.7, 0.0])
"""Least size by which the error of a box is reckoned, by kind, red-cell diameters. For white cells that of a small
lymphocyte: what the border leaves of one has sides that err by as much as those of the whole. For red cells chosen on
the first drawn slide, where 1,076 of 1,056 are counted with 0, 1,053 with 0.7, 1,042 with 1; on the second 1,064,
1,054, 1,028 of 1,059 (`benchmarks/demo.py`, windows of 256 × 192)."""
_AT_THE_BORDER = 0.08
"""A box that ends closer to the border than this share of its size touches it: the network's sides err by as much."""

_CUT_SCORE = np.array([1.0, 0.92, 1.0], np.float32)
"""A red cell that a rim cuts shows less, so its score is lower: by kind, share of the minimum score from which it
counts. Chosen with `HALF_RED_CELLS`: with 1 the round fields of bccd had 8 % too few, with 0.88 3 % too many."""
_SAME_CELL = 0.5
"""What is left of a white cell at a rim is found as a red cell, too: a red one there that overlaps a white one by more
than this (intersection over union) is none. Of 293 red cells at rims of drawn fields 10 were such."""


class HeatNetwork(Protocol):
    """Finds the cells of one window: a TFLite model, or a Keras model during training."""

    def maps(self, window: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Heat (h, w, kinds) and boxes (h, w, kinds × 4) of a window (height, width, 3) uint8 RGB; see `find_peaks`."""
        ...

    def resize(self, height: int, width: int) -> bool:
        """Take windows of this size from now on, pixels; False, and nothing changed: it cannot."""
        ...


class LearnedLocator:
    """A locator that uses a network; see `locator.Locator`.

    Args:
        network: finds the cells of a window.
        spec: size and scale of its windows.
        min_scores: for each of `labels.KINDS`, the score below which a detection is not reported.
    """

    def __init__(self, network: HeatNetwork, spec: WindowSpec, min_scores: Sequence[float]) -> None:
        self.network = network
        self.spec = spec
        self.min_scores = np.asarray(min_scores, np.float32)
        self._largest = LARGEST

    _real = REAL
    """What `_maps` gives, as real numbers."""

    def _maps(self, window: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Heat and boxes of a window, (height, width, 3) uint8 RGB, in numbers that rise with those of `maps`."""
        return self.network.maps(window)

    def locate(self, view: FieldView) -> Detections:
        """The cells of a field; see `Locator.locate`.

        Of a part, those with their middle in it: their boxes may go beyond its sides, and so are known to be cut there.
        """
        if is_too_small(view.window):
            return Detections.empty()
        red = view.red_cell_px or guess_red_cell_px(view) or 0.2 * min(view.shape[:2])
        found = self._see(view, red)
        if view.red_cell_px is None:
            measured = red_cell_diameter_px(found.select(found.scores >= _TRUSTED_SCORE), view.aperture)
            if measured is not None and abs(np.log(measured / red)) > RESCALE:
                found = self._see(view, measured)
            red = measured or red
        return self._reported(found, view.aperture, red)

    def _reported(self, found: Detections, aperture: Aperture, red_cell_px: float) -> Detections:
        """The cells that are reported: of those that a rim cuts, the ones that have their centre on its inside."""
        least = self.min_scores[found.kinds]
        if aperture.hidden is None:
            return found.select(found.scores >= least)
        good = found.scores >= least
        cut = np.flatnonzero(aperture.at_rim(found.boxes))
        boxes, kinds = found.boxes[cut], found.kinds[cut]
        seen = found.scores[cut] >= _CUT_SCORE[kinds] * least[cut]
        seen &= ~aperture.slivers(boxes, np.array(HALF_RED_CELLS)[kinds] * red_cell_px)
        white = (box_overlap(boxes, found.boxes[found.kinds == WBC]) > _SAME_CELL).any(axis=1)
        good[cut] = seen & ~(white & (kinds == RBC))
        return found.select(good)

    def _see(self, view: FieldView, red_cell_px: float) -> Detections:
        """All cells of a field down to the lowest score used here, boxes in its pixels."""
        whole = view.whole or view
        grid = self._grid(whole, red_cell_px)
        floor = min(float((_CUT_SCORE * self.min_scores).min()), _TRUSTED_SCORE)
        windows = windows_of(whole, grid, None if view.whole is None else view.rectangle)
        parts = []
        while some := list(islice(windows, _WINDOWS_AT_ONCE)):
            parts.append(self._see_windows(some, floor))
        found = Detections.joined(parts)
        kinds = found.kinds
        boxes = _to_the_border(found.boxes / grid.factors, *whole.size, _WHOLE_RED_CELLS[kinds] * red_cell_px)
        inside = np.all(boxes[:, 2:] > boxes[:, :2], axis=1) & whole.aperture.covers(boxes)
        if view.whole is not None:
            inside &= _within((boxes[:, :2] + boxes[:, 2:]) / 2, view.rectangle)
            boxes -= np.tile(view.corner, 2).astype(np.float32)
        return one_box_a_cell(Detections(boxes[inside], kinds[inside], found.scores[inside]), MAX_OVERLAP)

    def _grid(self, view: FieldView, red_cell_px: float) -> Grid:
        """The windows for a field, of a size that the network takes.

        A session's fields have one size and scale, and so one size of windows.
        """
        grid = plan(view.shape, red_cell_px, self.spec, self._largest)
        if self._largest > 1 and not self.network.resize(*grid.window):
            self._largest = 1
            return plan(view.shape, red_cell_px, self.spec, self._largest)
        return grid

    def _see_windows(self, windows: Sequence[Window], floor: float) -> Detections:
        """The cells that each window answers for, boxes in pixels of the scaled field."""
        heat, boxes = (np.stack(part) for part in zip(*(self._maps(one.image) for one in windows), strict=True))
        found, of = find_peaks_of_all(heat, boxes, self.spec.red_cell_px, floor, self._real)
        placed = found.boxes + np.array([one.origin * 2 for one in windows], np.float32)[of]
        x, y = (placed[:, :2] + placed[:, 2:]).T / 2
        x0, y0, x1, y1 = np.array([one.own for one in windows])[of].T
        own = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
        return Detections(placed[own], found.kinds[own], found.scores[own])


def _within(points: NDArray[np.float32], rectangle: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """(N,) bool: which points (N, 2), x y, lie in x0, y0, x1, y1."""
    x0, y0, x1, y1 = rectangle
    x, y = points.T
    return np.asarray((x >= x0) & (x < x1) & (y >= y0) & (y < y1), np.bool_)


def _to_the_border(
    boxes: NDArray[np.float32], width: int, height: int, least_px: NDArray[np.floating[Any]]
) -> NDArray[np.float32]:
    """Boxes (N, 4) clipped to a field of `width` × `height`; sides that almost reach the border are moved there.

    A cell cut by the border waits until it is whole, so whether a box touches the border must not depend on one pixel.
    `least_px`, (N,), is the size of a whole cell of the kind: a cut cell has a smaller box, but no smaller error.
    """
    limit = np.array([width, height, width, height], np.float32)
    clipped = np.clip(boxes, 0, limit)
    extent = clipped[:, 2:] - clipped[:, :2]
    size = np.sqrt(np.maximum(extent[:, 0] * extent[:, 1], 0))
    near = np.float32(_AT_THE_BORDER) * np.maximum(size, least_px.astype(np.float32))[:, None]
    low = np.where(clipped[:, :2] < near, 0, clipped[:, :2])
    high = np.where(clipped[:, 2:] > limit[2:] - near, limit[2:], clipped[:, 2:])
    return np.asarray(np.concatenate([low, high], axis=1), np.float32)


def same_score(min_score: float) -> tuple[float, ...]:
    """One minimum score for all kinds."""
    return (min_score,) * len(KINDS)
