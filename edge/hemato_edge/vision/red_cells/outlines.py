"""Red cells that stand free in a field: their diameters, of which a Price-Jones curve is made, and why others do not.

C. Price-Jones, "Red Blood Cell Diameters", Oxford University Press 1933: mean and spread of the diameters in a smear. A
cell's outline is where it absorbs half as much as its rim does; central pallor is filled. The diameter is that of a
circle of the same area.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import RBC
from hemato_edge.vision.optics.stain import OFFSET, level_counts, ranked_level
from hemato_edge.vision.red_cells.pallor import pallors_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.aperture import Aperture
    from hemato_edge.values import Detections
    from hemato_edge.vision.field_view import FieldView

CUT, DOUBLET, CLUSTER, NOT_ROUND, UNCLEAR = "cut", "doublet", "cluster", "not_round", "unclear"
REASONS = (CUT, DOUBLET, CLUSTER, NOT_ROUND, UNCLEAR)
"""Why a red cell is not measured: the border or the rim of the field cuts it; it shares its outline with one other
cell; with several, as in rouleaux and clumps; alone, its outline is not that of a round cell; it has no outline."""
_RIM_SHARE = 0.8
"""Of the absorbance within the red cells' boxes: what their rims absorb, whatever the pallor."""
_RIMS = 8
"""Red cells of a field whose rims are looked at, about."""
_LEAST_ABSORBANCE = 0.05
"""Of the rims in green; below, the outline is noise."""
_LEAST_OVERLAP = 0.6
"""Intersection over union of an outline's box and the detection's: they are the same cell, with nothing else in it."""
_LEAST_SOLIDITY = 0.94
"""Area of the outline by that of its convex hull: two cells that touch fall below."""
_LONGEST_BY_WIDTH = 1.4
"""Length by width of the outline's smallest rectangle; a longer one is two cells, or a cell that is folded."""
_LEAST_DIAMETER_PX = 8.0
_PAIRS_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class RedCellLook:
    """The red cells of one field, looked at one by one.

    Attributes:
        measured: (n,) intp, index into the detections of each cell that stands free and whole.
        diameters_px: (n,) float32, pixels.
        pallor: (n,) float32, diameter of the pale middle by that of the cell, 0 where none is seen; see `pallor`.
        left_out: why others were not measured, of `REASONS` → cells.
        alone: index into the detections → outline (n, 1, 2) int32, pixels, of each cell that has one to itself, round
            or not.
    """

    measured: NDArray[np.intp]
    diameters_px: NDArray[np.float32]
    pallor: NDArray[np.float32]
    left_out: Counter[str] = field(default_factory=Counter)
    alone: dict[int, NDArray[np.int32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.measured)

    def as_json(self) -> dict[str, object]:
        """The object that `hemato-edge analyze` prints."""
        return {
            "measured": len(self),
            "diameters_px": [round(float(one), 1) for one in self.diameters_px],
            "pallor": [round(float(one), 2) for one in self.pallor],
            "left_out": {reason: self.left_out[reason] for reason in REASONS},
        }


def look_at_red_cells(view: FieldView, detections: Detections, chosen: NDArray[np.intp] | None = None) -> RedCellLook:
    """Measure the red cells of a field that stand free and whole.

    Args:
        view: the field.
        detections: the cells found in it, pixels of the view.
        chosen: (n,) intp, indices of the red cells to measure; None: all of them. The others are seen, too: they may
            touch.
    """
    wanted = np.flatnonzero(detections.kinds == RBC) if chosen is None else chosen
    green = np.asarray(cv2.extractChannel(view.picture, 1), np.uint8)
    glass = float(view.background[1])
    level = _outline_level(green, detections.boxes[wanted], glass)
    if level is None:
        return _nothing(len(wanted))
    smooth = np.asarray(cv2.GaussianBlur(green, (3, 3), 0), np.uint8)  # noise frays no outline
    _, cells = cv2.threshold(smooth, level, 1, cv2.THRESH_BINARY_INV)
    found, _ = cv2.findContours(cells, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    field_of_cells = _Field(view, detections, [np.asarray(one, np.int32) for one in found])
    measured, left_out = [], Counter[str]()
    alone: dict[int, NDArray[np.int32]] = {}
    for index in wanted.tolist():
        answer = field_of_cells.outline_of(index)
        if isinstance(answer, str):
            left_out[answer] += 1
            continue
        alone[index] = answer
        if not field_of_cells.is_round(answer, index):
            left_out[NOT_ROUND] += 1
            continue
        measured.append(index)
    round_ones = [alone[index] for index in measured]
    diameters = np.array([_diameter(one) for one in round_ones], np.float32)
    pallor = pallors_of(smooth, round_ones, glass)
    return RedCellLook(np.array(measured, np.intp), diameters, pallor, left_out, alone)


def _nothing(cells: int) -> RedCellLook:
    none = np.zeros(0, np.float32)
    return RedCellLook(np.zeros(0, np.intp), none, none, Counter({UNCLEAR: cells} if cells else {}))


class _Field:
    """The outlines (n, 1, 2) int32 of a field, and its detections."""

    def __init__(self, view: FieldView, detections: Detections, outlines: list[NDArray[np.int32]]) -> None:
        self._boxes = detections.boxes
        self._outlines = outlines
        rectangles = np.array([cv2.boundingRect(one) for one in outlines], np.float32).reshape(-1, 4)
        self._extents = np.concatenate([rectangles[:, :2], rectangles[:, :2] + rectangles[:, 2:]], axis=1)
        self._box_is_whole, self._outline_is_whole = (
            _whole(view.aperture, one).tolist() for one in (self._boxes, self._extents)
        )
        self._outlines_at: dict[int, list[int]] = {}
        self._cells_in = [0] * len(outlines)
        centres = detections.centres
        places = centres.tolist()
        for index, number in zip(*_contained(centres, self._extents), strict=True):
            if cv2.pointPolygonTest(outlines[number], places[index], measureDist=False) >= 0:
                self._outlines_at.setdefault(index, []).append(number)
                self._cells_in[number] += 1

    def outline_of(self, index: int) -> NDArray[np.int32] | str:
        """The outline of the cell at `index`, which has it to itself; or why it has none."""
        if not self._box_is_whole[index]:
            return CUT
        inside = self._outlines_at.get(index)
        if inside is None:
            return UNCLEAR
        together = self._cells_in[inside[0]]
        if together > 1:
            return DOUBLET if together == 2 else CLUSTER
        return self._outlines[inside[0]] if self._outline_is_whole[inside[0]] else CUT

    def is_round(self, outline: NDArray[np.int32], index: int) -> bool:
        """Whether an outline (n, 1, 2) is that of one round cell, the one at `index`."""
        x, y, width, height = cv2.boundingRect(outline)
        if min(width, height) < _LEAST_DIAMETER_PX:
            return False
        sides = cv2.minAreaRect(outline)[1]
        return (
            _overlap(self._boxes[index].tolist(), (x, y, x + width, y + height)) >= _LEAST_OVERLAP
            and cv2.contourArea(outline) >= _LEAST_SOLIDITY * cv2.contourArea(cv2.convexHull(outline))
            and max(sides) <= _LONGEST_BY_WIDTH * min(sides)
        )


def _whole(aperture: Aperture, boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,) bool: which boxes (n, 4) xyxy lie in the field, a pixel from its border and from its rim."""
    return aperture.holds(
        (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0) / 2 + 1
    )


def _contained(points: NDArray[np.float32], boxes: NDArray[np.float32]) -> tuple[list[int], list[int]]:
    """Pairs of a point (n, 2) and a box (m, 4) xyxy that it lies in: their indices, in order of the boxes."""
    at_once = max(1, _PAIRS_AT_ONCE // max(1, len(points)))
    found: tuple[list[int], list[int]] = ([], [])
    for first in range(0, len(boxes), at_once):
        some = boxes[first : first + at_once, None]
        box, point = np.nonzero(((some[..., :2] <= points) & (points <= some[..., 2:])).all(axis=2))
        found[0].extend(point.tolist())
        found[1].extend((box + first).tolist())
    return found


def _outline_level(green: NDArray[np.uint8], red: NDArray[np.float32], glass: float) -> float | None:
    """The level of green (h, w) that absorbs half as much as the rims of red cells (n, 4) do; None if that is noise."""
    boxes = red[:: 1 + len(red) // _RIMS].astype(int).clip(0)
    rims = [
        ranked_level(level_counts(np.ascontiguousarray(inside)), 1 - _RIM_SHARE)
        for x0, y0, x1, y1 in boxes.tolist()
        if (inside := green[y0:y1:2, x0:x1:2]).size
    ]
    if not rims:
        return None
    absorbed = -np.log((np.median(rims) + OFFSET) / (glass + OFFSET))
    return float((glass + OFFSET) * np.exp(-absorbed / 2) - OFFSET) if absorbed >= _LEAST_ABSORBANCE else None


def _diameter(outline: NDArray[np.int32]) -> float:
    """Diameter of the circle of an outline's area, pixels."""
    area = cv2.contourArea(outline) + len(outline) / 2  # the polygon runs through the middles of the outermost pixels
    return 2 * float(np.sqrt(area / np.pi))


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes xyxy."""
    across, down = (min(one[i + 2], other[i + 2]) - max(one[i], other[i]) for i in (0, 1))
    shared = max(0.0, across) * max(0.0, down)
    return shared / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - shared)
