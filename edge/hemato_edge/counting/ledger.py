"""The ledger of cells: which detections of a field were never seen before.

A cell is known by its place on the slide, its kind and its size. A detection that lies within a fraction of a red
cell's diameter of a known cell is that cell. A cell cut by the border of the frame waits until it is seen whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Detections, Pose

MATCH_RED_CELLS = (0.8, 0.5, 0.3)
"""How far a detection may lie from the place of a known cell and still be it, in red-cell diameters, by kind: the box
of a white cell moves most, when a lobe of its nucleus is missed; platelets are small and lie in clumps."""
BORDER_PX = 2.0
"""A box that ends closer than this to the frame's border is cut by it."""


@dataclass(frozen=True, slots=True)
class NewCells:
    """Indices into a field's detections, (n,) intp each: what was never seen before, and what must wait."""

    white: NDArray[np.intp]
    red: NDArray[np.intp]
    platelets: NDArray[np.intp]
    waiting: NDArray[np.intp]


class Ledger:
    """All cells of one session.

    Places are kept in a grid of one match distance a square, so that a look-up touches nine squares however many
    cells there are. One known cell takes about 100 bytes.
    """

    def __init__(self) -> None:
        self._grid: dict[tuple[int, int, int, int], list[list[float]]] = {}
        self._pitch = 0.0
        self.known = [0, 0, 0]

    def admit(
        self, detections: Detections, pose: Pose | None, red_cell_px: float, frame_size: tuple[int, int]
    ) -> NewCells:
        """Enter a field's detections and say which are new.

        Args:
            detections: of the field, in pixels of the frame.
            pose: where the field lies; None for a field of its own, in which every cell is new, cut or not, since no
                other frame will show it whole.
            red_cell_px: diameter of a red cell, pixels; sets the match distance.
            frame_size: width and height of the frame, pixels.
        """
        if pose is None:
            for kind in range(len(self.known)):
                self.known[kind] += int(np.count_nonzero(detections.kinds == kind))
            return _by_kind(detections, np.ones(len(detections), bool), np.zeros(len(detections), bool))
        if not self._pitch:
            self._pitch = max(MATCH_RED_CELLS) * red_cell_px
        cut = touches_border(detections.boxes, frame_size)
        new = np.zeros(len(detections), bool)
        for i, (x, y) in enumerate(detections.centres):
            kind = int(detections.kinds[i])
            place = (float(x) + pose.x_px, float(y) + pose.y_px)
            reach = MATCH_RED_CELLS[kind] * red_cell_px
            known = self._nearest(pose.region, kind, place, reach)
            if known is not None:
                if not cut[i]:
                    self._follow(pose.region, kind, known, place)
            elif not cut[i]:
                self._enter(pose.region, kind, place)
                new[i] = True
        return _by_kind(detections, new, cut)

    def _square(self, region: int, kind: int, place: tuple[float, float]) -> tuple[int, int, int, int]:
        return region, kind, math.floor(place[0] / self._pitch), math.floor(place[1] / self._pitch)

    def _enter(self, region: int, kind: int, place: tuple[float, float]) -> None:
        self._grid.setdefault(self._square(region, kind, place), []).append([*place])
        self.known[kind] += 1

    def _follow(self, region: int, kind: int, known: list[float], place: tuple[float, float]) -> None:
        """Let a known cell follow slow drift of the tracking; the old place weighs more, so nothing runs away."""
        old = self._square(region, kind, (known[0], known[1]))
        known[0] += 0.2 * (place[0] - known[0])
        known[1] += 0.2 * (place[1] - known[1])
        new = self._square(region, kind, (known[0], known[1]))
        if new != old:
            self._grid[old].remove(known)
            self._grid.setdefault(new, []).append(known)

    def _nearest(self, region: int, kind: int, place: tuple[float, float], reach: float) -> list[float] | None:
        _, _, column, row = self._square(region, kind, place)
        best, best_distance = None, reach
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                for known in self._grid.get((region, kind, column + dx, row + dy), ()):
                    distance = math.hypot(known[0] - place[0], known[1] - place[1])
                    if distance < best_distance:
                        best, best_distance = known, distance
        return best


def touches_border(boxes: NDArray[np.float32], frame_size: tuple[int, int]) -> NDArray[np.bool_]:
    """(N,) bool: which boxes (N, 4) are cut by the border of a frame of (width, height) pixels."""
    width, height = frame_size
    return (
        (boxes[:, 0] < BORDER_PX)
        | (boxes[:, 1] < BORDER_PX)
        | (boxes[:, 2] > width - BORDER_PX)
        | (boxes[:, 3] > height - BORDER_PX)
    )


def _by_kind(detections: Detections, new: NDArray[np.bool_], cut: NDArray[np.bool_]) -> NewCells:
    white, red, platelets = (np.flatnonzero(new & (detections.kinds == kind)) for kind in range(3))
    return NewCells(white, red, platelets, np.flatnonzero(cut & ~new))
