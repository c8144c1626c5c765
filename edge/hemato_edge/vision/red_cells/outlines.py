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
from hemato_edge.vision.optics.stain import OFFSET
from hemato_edge.vision.red_cells.pallor import pallor_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Detections
    from hemato_edge.vision.field_view import FieldView

CUT, DOUBLET, CLUSTER, NOT_ROUND, UNCLEAR = "cut", "doublet", "cluster", "not_round", "unclear"
REASONS = (CUT, DOUBLET, CLUSTER, NOT_ROUND, UNCLEAR)
"""Why a red cell is not measured: the border or the rim of the field cuts it; it shares its outline with one other
cell; with several, as in rouleaux and clumps; alone, its outline is not that of a round cell; it has no outline."""
_RIM_PERCENTILE = 80
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
            "left_out": dict(self.left_out),
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
    measured, diameters, pallor, left_out = [], [], [], Counter[str]()
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
        diameters.append(_diameter(answer))
        pallor.append(pallor_of(smooth, answer, glass))
    return RedCellLook(
        np.array(measured, np.intp), np.array(diameters, np.float32), np.array(pallor, np.float32), left_out, alone
    )


def _nothing(cells: int) -> RedCellLook:
    none = np.zeros(0, np.float32)
    return RedCellLook(np.zeros(0, np.intp), none, none, Counter({UNCLEAR: cells} if cells else {}))


class _Field:
    """The outlines (n, 1, 2) int32 of a field, and its detections."""

    def __init__(self, view: FieldView, detections: Detections, outlines: list[NDArray[np.int32]]) -> None:
        self._view = view
        self._boxes, self._centres = detections.boxes, detections.centres
        self._outlines = outlines
        rectangles = np.array([cv2.boundingRect(one) for one in outlines], np.float32).reshape(-1, 4)
        self._extents = np.concatenate([rectangles[:, :2], rectangles[:, :2] + rectangles[:, 2:]], axis=1)

    def outline_of(self, index: int) -> NDArray[np.int32] | str:
        """The outline of the cell at `index`, which has it to itself; or why it has none."""
        box, middle = self._boxes[index], self._centres[index]
        if not self._is_whole(box):
            return CUT
        around = np.flatnonzero(
            ((self._extents[:, :2] <= middle) & (middle <= self._extents[:, 2:])).all(axis=1)
        ).tolist()
        inside = [i for i in around if cv2.pointPolygonTest(self._outlines[i], middle.tolist(), measureDist=False) >= 0]
        if not inside:
            return UNCLEAR
        outline = self._outlines[inside[0]]
        together = self._cells_in(inside[0])
        if together > 1:
            return DOUBLET if together == 2 else CLUSTER
        return outline if self._is_whole(self._extents[inside[0]]) else CUT

    def _is_whole(self, box: NDArray[np.float32]) -> bool:
        """Whether a box (4,) xyxy lies in the field, a pixel from its border and from its rim."""
        middle = (box[None, :2] + box[None, 2:]) / 2
        return bool(self._view.aperture.holds(middle, np.array([(box[2:] - box[:2]).max() / 2 + 1])).all())

    def _cells_in(self, number: int) -> int:
        """How many detected cells have their middle within an outline."""
        x0, y0, x1, y1 = self._extents[number]
        near = self._centres[
            (self._centres[:, 0] >= x0)
            & (self._centres[:, 0] <= x1)
            & (self._centres[:, 1] >= y0)
            & (self._centres[:, 1] <= y1)
        ]
        if len(near) < 2:
            return len(near)
        outline = self._outlines[number]
        return sum(cv2.pointPolygonTest(outline, one, measureDist=False) >= 0 for one in near.tolist())

    def is_round(self, outline: NDArray[np.int32], index: int) -> bool:
        """Whether an outline (n, 1, 2) is that of one round cell, the one at `index`."""
        x, y, width, height = cv2.boundingRect(outline)
        extent = np.array([x, y, x + width, y + height], np.float32)
        box, sides = self._boxes[index], cv2.minAreaRect(outline)[1]
        return (
            min(extent[2:] - extent[:2]) >= _LEAST_DIAMETER_PX
            and _overlap(box, extent) >= _LEAST_OVERLAP
            and cv2.contourArea(outline) >= _LEAST_SOLIDITY * cv2.contourArea(cv2.convexHull(outline))
            and max(sides) <= _LONGEST_BY_WIDTH * min(sides)
        )


def _outline_level(green: NDArray[np.uint8], red: NDArray[np.float32], glass: float) -> float | None:
    """The level of green (h, w) that absorbs half as much as the rims of red cells (n, 4) do; None if that is noise."""
    boxes = red[:: 1 + len(red) // _RIMS].astype(int).clip(0)
    rims = [
        float(np.percentile(inside, 100 - _RIM_PERCENTILE))
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


def _overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Intersection over union of two boxes (4,) xyxy."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.clip(sides, 0, None).prod())
    return shared / float((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - shared)
