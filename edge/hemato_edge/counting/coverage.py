"""Which part of the slide was analysed, how often, and its area.

A cell is counted where it is seen whole. So the counting area of a kind is smaller than the union of the frames by half
a cell along its edge, more so for white cells than for platelets: counts of two kinds are comparable only after each
is divided by its own area (R. E. Miles, "On the elimination of edge effects in planar sampling", 1974). The slide is
divided into squares of a quarter of a red cell.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.counting.mapping.rotation import rotated
from hemato_edge.counting.packed_tiles import PackedTiles
from hemato_edge.labels import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hemato_edge.aperture import Aperture
    from hemato_edge.counting.packed_tiles import Tile
    from hemato_edge.values import Pose

PITCH_RED_CELLS = 0.25
TILE_SQUARES = 32
"""Squares along a tile's side: eight red cells, about a field."""
MARGINS_RED_CELLS = (1.1, 0.55, 0.25)
"""Half a cell's size by kind, in red-cell diameters; nine of ten white cells are smaller (pbc, training split)."""


_EVERYWHERE = np.ones((), np.bool_)


class Coverage:
    """Analysed frames at every place, for each kind of cell.

    One tile of eight by eight red cells takes 3 kB, and packed some 150 bytes.

    Attributes:
        area_px2: where cells of each kind could be seen whole, square pixels of the frame.
    """

    def __init__(self) -> None:
        self._looks = PackedTiles(_packed, _unpacked)
        self._pitch = 0.0
        self._squares = [0] * len(KINDS)

    def set_scale(self, red_cell_px: float) -> None:
        """Set the squares' size; only the first call of a session has an effect."""
        if not self._pitch:
            self._pitch = PITCH_RED_CELLS * red_cell_px

    @property
    def area_px2(self) -> tuple[float, ...]:
        """Where cells of each kind could be seen whole so far, square pixels of the frame."""
        return tuple(count * self._pitch**2 for count in self._squares)

    def tile_of(self, region: int, x: float, y: float) -> Tile:
        """The tile in which a place lies."""
        side = self._pitch * TILE_SQUARES
        return region, math.floor(x / side), math.floor(y / side)

    def tiles_in(self, pose: Pose, frame_size: tuple[int, int]) -> list[Tile]:
        """The tiles that a frame of `frame_size` (width, height) pixels touches."""
        region, left, top = self.tile_of(pose.region, pose.x_px, pose.y_px)
        _, right, bottom = self.tile_of(pose.region, pose.x_px + frame_size[0], pose.y_px + frame_size[1])
        return [(region, c, r) for c in range(left, right + 1) for r in range(top, bottom + 1)]

    def looks_at(self, region: int, kind: int, x: float, y: float) -> int:
        """Number of analysed frames that would have shown a cell of this kind whole at this place."""
        tile = self.tile_of(region, x, y)
        found = self._looks.get(tile)
        if found is None:
            return 0
        row = math.floor(y / self._pitch) - tile[2] * TILE_SQUARES
        column = math.floor(x / self._pitch) - tile[1] * TILE_SQUARES
        return int(found[kind, row, column])

    def shown_whole(self, kind: int, size_px: float) -> bool:
        """Whether a cell of this size was whole in every frame that `looks_at` counts for cells of that kind."""
        return size_px / 2 <= MARGINS_RED_CELLS[kind] / PITCH_RED_CELLS * self._pitch

    def add(self, pose: Pose, aperture: Aperture) -> None:
        """Record an analysed frame."""
        for kind in range(len(KINDS)):
            for tile, rows, columns, inside in self._pieces(pose, aperture, kind):
                looks = self._looks_of(tile)
                piece = looks[kind, rows, columns]
                self._squares[kind] += int(np.count_nonzero((piece == 0) & inside))
                np.add(piece, 1, out=piece, where=(piece < 255) & inside)
        self._looks.pack()

    def least_looks(self, pose: Pose, aperture: Aperture) -> int:
        """Analyses of the view's least covered place, 255 at most; 0 where any of it is new."""
        if not self._pitch:
            return 0
        least = 255
        for kind in range(len(KINDS)):
            for tile, rows, columns, inside in self._pieces(pose, aperture, kind):
                looks = self._looks.get(tile)
                if looks is None:
                    return 0
                least = min(least, int(looks[kind, rows, columns].min(initial=255, where=inside)))
        return least

    def forget(self, tile: Tile) -> None:
        """Drop a tile; its area stays counted."""
        self._looks.pop(tile)

    def little_seen(self, pose: Pose, aperture: Aperture, looks: int) -> tuple[float, float, float, float] | None:
        """Bounding box x0, y0, x1, y1 of the places of an unrotated view analysed at most `looks` times, pixels.

        None where there is no such place.
        """
        if not self._pitch:
            return 0.0, 0.0, float(aperture.size[0]), float(aperture.size[1])
        found: list[tuple[int, int, int, int]] = []
        for kind in range(len(KINDS)):
            for (_, c, r), rows, columns, inside in self._pieces(pose, aperture, kind):
                seen = self._looks.get((pose.region, c, r))
                few = np.broadcast_to(inside, (rows.stop - rows.start, columns.stop - columns.start))
                if seen is not None:
                    few = few & (seen[kind, rows, columns] <= looks)
                down, across = np.flatnonzero(few.any(axis=1)), np.flatnonzero(few.any(axis=0))
                if len(down):
                    x, y = c * TILE_SQUARES + columns.start, r * TILE_SQUARES + rows.start
                    found.append((x + int(across[0]), y + int(down[0]), x + int(across[-1]) + 1, y + int(down[-1]) + 1))
        if not found:
            return None
        x0, y0 = (min(one[i] for one in found) for i in (0, 1))
        x1, y1 = (max(one[i] for one in found) for i in (2, 3))
        at = self._pitch
        return x0 * at - pose.x_px, y0 * at - pose.y_px, x1 * at - pose.x_px, y1 * at - pose.y_px

    def join(self, region: int, into: int, x_px: float, y_px: float, angle_deg: float = 0.0) -> None:
        """Merge the squares of one region into another's; area that both covered counts once.

        A region rotated by `angle_deg` about its (0, 0) is merged tile by tile, each tile unrotated.
        """
        for tile in self._looks.of_region(region):
            looks = self._looks.pop(tile)
            if looks is None:
                continue
            middle = [(place + 0.5) * TILE_SQUARES for place in tile[1:]]
            x, y = rotated(middle[0], middle[1], angle_deg)
            across = round(x - middle[0] + x_px / self._pitch)
            down = round(y - middle[1] + y_px / self._pitch)
            _, rows, columns = np.nonzero(looks.max(axis=0, keepdims=True))
            for row, column in set(zip(rows.tolist(), columns.tolist(), strict=True)):
                self._lay(
                    looks[:, row, column],
                    into,
                    tile[1] * TILE_SQUARES + column + across,
                    tile[2] * TILE_SQUARES + row + down,
                )
            self._looks.pack()

    def _looks_of(self, tile: Tile) -> NDArray[np.uint8]:
        looks = self._looks.get(tile)
        if looks is None:
            looks = self._looks.setdefault(tile, np.zeros((len(KINDS), TILE_SQUARES, TILE_SQUARES), np.uint8))
        return looks

    def _lay(self, looks: NDArray[np.uint8], region: int, column: int, row: int) -> None:
        tile = (region, column // TILE_SQUARES, row // TILE_SQUARES)
        here = self._looks_of(tile)
        place = here[:, row % TILE_SQUARES, column % TILE_SQUARES]
        for kind in np.flatnonzero((place > 0) & (looks > 0)).tolist():
            self._squares[kind] -= 1
        place[:] = np.minimum(place.astype(int) + looks, 255)

    def _pieces(
        self, pose: Pose, aperture: Aperture, kind: int
    ) -> Iterator[tuple[Tile, slice, slice, NDArray[np.bool_]]]:
        """The squares around a frame by tile, and which of them show cells of a kind whole."""
        frame_size = aperture.size
        margin = MARGINS_RED_CELLS[kind] / PITCH_RED_CELLS
        wider, higher = _bulge(pose, frame_size)
        x0, x1 = _span((pose.x_px - wider) / self._pitch, (frame_size[0] + 2 * wider) / self._pitch, margin)
        y0, y1 = _span((pose.y_px - higher) / self._pitch, (frame_size[1] + 2 * higher) / self._pitch, margin)
        simple = not pose.angle_deg and aperture.hidden is None
        shown = None if simple else self._shown(pose, aperture, margin, (x0, x1), (y0, y1))
        for r in range(y0 // TILE_SQUARES, (y1 - 1) // TILE_SQUARES + 1):
            for c in range(x0 // TILE_SQUARES, (x1 - 1) // TILE_SQUARES + 1):
                top, bottom = max(y0, r * TILE_SQUARES), min(y1, (r + 1) * TILE_SQUARES)
                left, right = max(x0, c * TILE_SQUARES), min(x1, (c + 1) * TILE_SQUARES)
                rows = slice(top - r * TILE_SQUARES, bottom - r * TILE_SQUARES)
                columns = slice(left - c * TILE_SQUARES, right - c * TILE_SQUARES)
                inside = _EVERYWHERE if shown is None else shown[top - y0 : bottom - y0, left - x0 : right - x0]
                yield (pose.region, c, r), rows, columns, inside

    def _shown(
        self, pose: Pose, aperture: Aperture, margin: float, across: tuple[int, int], down: tuple[int, int]
    ) -> NDArray[np.bool_]:
        """(rows, columns) bool: squares whose middle a frame shows at least `margin` squares from any edge."""
        x = (np.arange(*across) + 0.5) * self._pitch - pose.x_px
        y = ((np.arange(*down) + 0.5) * self._pitch - pose.y_px)[:, None]
        if pose.angle_deg:
            middle = np.asarray(aperture.size) / 2
            cosine, sine = math.cos(math.radians(pose.angle_deg)), math.sin(math.radians(pose.angle_deg))
            x, y = x - middle[0], y - middle[1]
            x, y = cosine * x + sine * y + middle[0], cosine * y - sine * x + middle[1]
        return aperture.holds_at(x, y, margin * self._pitch)


def _packed(looks: NDArray[np.uint8]) -> bytes:
    return zlib.compress(looks.tobytes(), 1)


def _unpacked(packed: bytes) -> NDArray[np.uint8]:
    looks = np.frombuffer(zlib.decompress(packed), np.uint8)
    return looks.reshape(len(KINDS), TILE_SQUARES, TILE_SQUARES).copy()


def _bulge(pose: Pose, frame_size: tuple[int, int]) -> tuple[float, float]:
    """How far a rotated frame extends beyond its unrotated outline, left and right, and above and below, pixels."""
    if not pose.angle_deg:
        return 0.0, 0.0
    sine = abs(math.sin(math.radians(pose.angle_deg))) / 2
    return sine * frame_size[1], sine * frame_size[0]


def _span(start: float, length: float, margin: float) -> tuple[int, int]:
    """First square whose middle lies inside, and the one after the last; the middle one if none does."""
    low, high = math.ceil(start + margin - 0.5), math.ceil(start + length - margin - 0.5)
    middle = math.floor(start + length / 2)
    return (low, high) if high > low else (middle, middle + 1)
