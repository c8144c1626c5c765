"""The ledger of cells: which detections of a field are new.

A cell is identified by its place on the slide, its kind and its size. A new one is on trial: it counts once it was
detected in most of the frames that should have shown it, which excludes flicker. Where only one frame could show it, as
in a fast scan, the locator's score decides. A cell cut by the frame's border waits until it is seen whole.

Memory is bounded: beyond `MAX_TILES` tiles of slide, the least recently viewed are forgotten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.counting.confirmation import (
    BETTER_LOOK,
    COUNTED,
    MOST_AGAINST,
    REFUSED,
    TRIAL,
    TRIED,
    KnownCell,
    verdict,
)
from hemato_edge.counting.coverage import Coverage
from hemato_edge.counting.mapping.rotation import rotated
from hemato_edge.counting.matching import MATCH_RED_CELLS, matched, whole_in_view
from hemato_edge.counting.packed_tiles import CellTiles
from hemato_edge.labels import KINDS, PLATELET, RBC, WBC
from hemato_edge.values import Pose

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from hemato_edge.aperture import Aperture
    from hemato_edge.counting.mapping.slide_map import Move
    from hemato_edge.values import Detections

MAX_TILES = 2048
"""Maximum number of tiles, squares of eight red cells, about a field each: with 40 cells per tile some 10 MB. The
cells of forgotten tiles count anew if they are seen again."""


ROOM_RED_CELLS = 2.0
"""Margin around the new part of a view: the largest white cells are four red cells wide."""
ALIGNED_PX = 8
"""The part's sides are multiples of this, so that its downscaled copies are parts of the frame's."""
OUTSIDE_SHARE = 0.1
"""So far outside of a frame, in its longer side, cells are looked up that may reach into it."""
WORTH_SHARE = 0.75
"""A part larger than this share of the view is not cut out."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What one field contributed to the ledger.

    Attributes:
        counted: cells that count from now on, by kind; they need not be in this field.
        given_up: cells that were rejected, or left the view undecided.
        cells: for each detection its cell; None where it is cut by the border and unknown.
        waiting: (n,) intp, indices of unknown detections that are cut by the border.
        cut: indices of all detections that are cut by the border.
    """

    counted: tuple[list[KnownCell], ...]
    given_up: list[KnownCell]
    cells: list[KnownCell | None]
    waiting: NDArray[np.intp]
    cut: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Twins:
    """Two cells of the ledger that turned out to be the same when their regions were joined.

    Attributes:
        gone: the cell of the joined region; the ledger drops it.
        kept: the cell of the region that remains.
        doubled: whether both had been counted.
    """

    gone: KnownCell
    kept: KnownCell
    doubled: bool


@dataclass(frozen=True, slots=True)
class Sighted:
    """A known cell within a frame.

    Attributes:
        cell: the ledger's own object; read it at once, in the counting thread.
        x, y: its centre in the frame, pixels.
    """

    cell: KnownCell
    x: float
    y: float


TWIN_RED_CELLS = 0.3
"""Maximum distance at which cells of two joined regions are the same: both places are means over several frames, and
touching red cells lie no closer than half a diameter."""


class Ledger:
    """All cells of one session.

    Args:
        max_tiles: bounds the memory, see `MAX_TILES`.

    Attributes:
        known: number of counted cells, by kind.
        forgotten: number of forgotten tiles.
        coverage: the area analysed.
    """

    def __init__(self, max_tiles: int = MAX_TILES) -> None:
        self.coverage = Coverage()
        self.known = [0] * len(KINDS)
        self.forgotten = 0
        self._max_tiles = max_tiles
        self._tiles = CellTiles()
        self._on_trial: dict[int, tuple[int, KnownCell]] = {}
        self._cut_now: set[int] = set()
        self._detected: set[int] = set()
        self._next = 0

    def __len__(self) -> int:
        return sum(map(len, self._tiles.values()))

    def admit(self, detections: Detections, pose: Pose | None, red_cell_px: float, aperture: Aperture) -> Admission:
        """Enter a field's detections and return the cells that count now.

        Args:
            detections: of the field, in pixels of its aperture.
            pose: where the field lies; None for a stand-alone field, in which every cell counts, cut or not, since no
                other frame will show it whole.
            red_cell_px: diameter of a red cell, pixels; sets the matching distance.
            aperture: the visible part of the slide; cells at its edge are cut.
        """
        if pose is None:
            return self._admit_all(detections)
        self.coverage.set_scale(red_cell_px)
        cut = aperture.cuts(detections.boxes)
        around = self._in_view(pose, aperture.size, red_cell_px)
        cells = matched(detections, around, pose, red_cell_px, aperture)
        places = pose.on_slide(detections.centres, aperture.size).tolist()
        on_view = whole_in_view(around, pose, aperture)
        for i, cell in enumerate(cells):
            if cell is not None and not cut[i]:
                self._sighted(cell, detections, i, pose.region, places[i])
                on_view.add(cell.number)
            elif cell is not None:
                on_view.discard(cell.number)  # detected but cut: not a chance
            elif not cut[i]:
                cells[i] = self._enter(detections, i, pose.region, places[i])
        for cell in around:
            if cell.state == TRIED and cell.number in on_view:
                cell.chances += 1
        self._cut_now = {cell.number for cell, is_cut in zip(cells, cut, strict=True) if cell is not None and is_cut}
        self.coverage.add(pose, aperture)
        detected = {cell.number for cell in cells if cell is not None}
        counted, undecided = self._judge(on_view | detected)
        self._bound(pose, aperture.size)
        decided = {cell.number for group in (*counted, undecided) for cell in group}
        self._pack(self._detected | detected | decided)  # `label_voting` names them after this frame
        self._detected = detected
        waiting = np.flatnonzero(cut & np.array([cell is None for cell in cells], bool))
        return Admission(counted, undecided, cells, waiting, frozenset(np.flatnonzero(cut).tolist()))

    def close(self) -> Admission:
        """Decide every cell that is still on trial: no more frames will come."""
        counted, given_up = self._judge(set())
        return Admission(counted, given_up, [], np.zeros(0, np.intp))

    def is_exhausted(self, pose: Pose, aperture: Aperture) -> bool:
        """Whether another frame of this view can add nothing: all of it was analysed as often as a trial takes."""
        waiting = self._on_trial.keys() - self._cut_now  # another frame from here cannot decide cut cells
        return self.coverage.least_looks(pose, aperture) > TRIAL and not waiting

    def undecided_part(self, pose: Pose, aperture: Aperture, red_cell_px: float) -> tuple[int, int, int, int] | None:
        """The part of a view that can still add information, x0, y0, x1, y1, pixels; None: all of it.

        It includes every place analysed less often than a trial takes and every cell on trial, with a margin for the
        largest cells, so that any cell cut by its sides was decided before.
        """
        width, height = aperture.size
        if pose.angle_deg:
            return None
        boxes = [self.coverage.little_seen(pose, aperture, TRIAL)]
        for region, cell in self._on_trial.values():
            x, y, reach = cell.x - pose.x_px, cell.y - pose.y_px, cell.size / 2
            if region == pose.region and 0 <= x < width and 0 <= y < height:
                boxes.append((x - reach, y - reach, x + reach, y + reach))
        known = np.array([box for box in boxes if box is not None])
        if not len(known):
            return None
        room = ROOM_RED_CELLS * red_cell_px
        x0, y0 = ((known[:, :2].min(axis=0) - room) // ALIGNED_PX * ALIGNED_PX).astype(int).tolist()
        x1, y1 = (-((known[:, 2:].max(axis=0) + room) // -ALIGNED_PX) * ALIGNED_PX).astype(int).tolist()
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        return None if (x1 - x0) * (y1 - y0) > WORTH_SHARE * width * height else (x0, y0, x1, y1)

    def on_view(self, pose: Pose, frame_size: tuple[int, int]) -> list[Sighted]:
        """The known cells of which a frame shows a part, and those right beside it.

        Read from the ledger, not from the frame's detections: an exhausted view is not searched, but keeps its cells.
        Not by the centre: a pose that wavers by a part of a pixel would take a box away that is seen.

        Args:
            pose: where the frame lies.
            frame_size: its width and height, pixels.
        """
        width, height = frame_size
        margin = OUTSIDE_SHARE * max(frame_size)
        corner = replace(pose, x_px=pose.x_px - margin, y_px=pose.y_px - margin)
        wider = (round(width + 2 * margin), round(height + 2 * margin))
        around = [cell for tile in self.coverage.tiles_in(corner, wider) for cell in self._tiles.get(tile) or ()]
        if not around:
            return []
        places = pose.in_frame(np.array([(cell.x, cell.y) for cell in around]), frame_size).tolist()
        return [
            Sighted(cell, x, y)
            for cell, (x, y) in zip(around, places, strict=True)
            if -cell.size < x < width + cell.size and -cell.size < y < height + cell.size
        ]

    def join(
        self, region: int, into: int, x_px: float, y_px: float, red_cell_px: float, angle_deg: float = 0.0
    ) -> list[Twins]:
        """Merge a region into another: its cells move there, and those known in both become one.

        The region is rotated by `angle_deg` about its (0, 0), from x towards y, before it is moved.

        Returns:
            cells that were known in both.
        """
        found: list[Twins] = []
        self.coverage.join(region, into, x_px, y_px, angle_deg)
        self._on_trial = {n: (into if r == region else r, cell) for n, (r, cell) in self._on_trial.items()}
        for cells in self._tiles.pop_region(region):
            for cell in cells:
                x, y = rotated(cell.x, cell.y, angle_deg)
                cell.x, cell.y = x + x_px, y + y_px
                twin = self._twin(cell, into, red_cell_px)
                if twin is None:
                    self._tiles.setdefault(self.coverage.tile_of(into, cell.x, cell.y), []).append(cell)
                else:
                    found.append(Twins(cell, twin, self._is_double(cell, twin)))
            self._pack(self._detected.union(twins.kept.number for twins in found))
        return found

    def move(self, moves: Iterable[Move]) -> None:
        """Apply a map correction: each cell moves with its nearest key field."""
        by_region: dict[int, list[Move]] = {}
        for one in moves:
            by_region.setdefault(one.region, []).append(one)
        for region, group in by_region.items():
            places = np.array([(m.x_px, m.y_px) for m in group])
            shifts = np.array([(m.dx_px, m.dy_px) for m in group])
            for cells in self._tiles.pop_region(region):
                for cell in cells:
                    nearest = int(np.argmin(((places - (cell.x, cell.y)) ** 2).sum(axis=1)))
                    cell.x, cell.y = cell.x + float(shifts[nearest, 0]), cell.y + float(shifts[nearest, 1])
                    self._tiles.setdefault(self.coverage.tile_of(region, cell.x, cell.y), []).append(cell)
                self._pack(self._detected)

    def _admit_all(self, detections: Detections) -> Admission:
        counted: tuple[list[KnownCell], ...] = tuple([] for _ in KINDS)
        cells: list[KnownCell | None] = []
        for i, place in enumerate(detections.centres.tolist()):
            cell = self._made(detections, i, place)
            cell.state = COUNTED
            self.known[cell.kind] += 1
            counted[cell.kind].append(cell)
            cells.append(cell)
        return Admission(counted, [], cells, np.zeros(0, np.intp))

    def _made(self, detections: Detections, i: int, place: list[float]) -> KnownCell:
        kind, score = int(detections.kinds[i]), float(detections.scores[i])
        x0, y0, x1, y1 = detections.boxes[i].tolist()
        kinds = [int(k == kind) for k in range(len(KINDS))]
        self._next += 1
        size = math.sqrt((x1 - x0) * (y1 - y0))
        return KnownCell(self._next, kind, place[0], place[1], size, score, TRIED, 1, 1, kinds)

    def _enter(self, detections: Detections, i: int, region: int, place: list[float]) -> KnownCell:
        """A cell where none was known. Earlier frames that should have shown it count against it."""
        cell = self._made(detections, i, place)
        like = next((kind for kind in (PLATELET, RBC, WBC) if self.coverage.shown_whole(kind, cell.size)), None)
        looks = self.coverage.looks_at(region, WBC if like is None else like, cell.x, cell.y)
        cell.chances += min(looks, MOST_AGAINST if like is None else TRIAL)
        self._tiles.setdefault(self.coverage.tile_of(region, cell.x, cell.y), []).append(cell)
        self._on_trial[cell.number] = (region, cell)
        return cell

    def _in_view(self, pose: Pose, frame_size: tuple[int, int], red_cell_px: float) -> list[KnownCell]:
        """The known cells of all tiles within matching distance of a frame."""
        reach = max(MATCH_RED_CELLS) * red_cell_px
        reach += abs(math.sin(math.radians(pose.angle_deg))) * max(frame_size) / 2  # a turned frame's corners
        wide = (round(frame_size[0] + 2 * reach), round(frame_size[1] + 2 * reach))
        corner = Pose(pose.region, pose.x_px - reach, pose.y_px - reach, pose.confidence)
        return [cell for tile in self.coverage.tiles_in(corner, wide) for cell in self._tiles.get(tile) or ()]

    def _sighted(self, cell: KnownCell, detections: Detections, i: int, region: int, place: list[float]) -> None:
        """Update a known cell, following slow tracking drift; the old place has the larger weight for stability."""
        kind, score = int(detections.kinds[i]), float(detections.scores[i])
        if cell.state == REFUSED and score >= cell.score + BETTER_LOOK:
            self._try_anew(cell, detections, i, region, place)
        elif cell.state == TRIED:
            self._on_trial[cell.number] = (region, cell)
            cell.sightings += 1
            cell.score = max(cell.score, score)
            cell.kinds[kind] += 1
            cell.kind = max(range(len(KINDS)), key=lambda k: (cell.kinds[k], k == cell.kind))
        if kind != cell.kind:
            return
        before = self.coverage.tile_of(region, cell.x, cell.y)
        cell.x += 0.2 * (place[0] - cell.x)
        cell.y += 0.2 * (place[1] - cell.y)
        after = self.coverage.tile_of(region, cell.x, cell.y)
        if after != before:
            self._tiles.setdefault(before, []).remove(cell)
            self._tiles.setdefault(after, []).append(cell)

    def _try_anew(self, cell: KnownCell, detections: Detections, i: int, region: int, place: list[float]) -> None:
        """Restart the trial of a rejected object that was seen much better."""
        self._tiles.setdefault(self.coverage.tile_of(region, cell.x, cell.y), []).remove(cell)
        fresh = self._made(detections, i, place)
        cell.kind, cell.kinds, cell.x, cell.y, cell.size = fresh.kind, fresh.kinds, fresh.x, fresh.y, fresh.size
        cell.score, cell.state, cell.sightings, cell.chances = fresh.score, TRIED, 1, 0  # this frame is added later
        self._tiles.setdefault(self.coverage.tile_of(region, cell.x, cell.y), []).append(cell)
        self._on_trial[cell.number] = (region, cell)

    def _judge(self, on_view: set[int]) -> tuple[tuple[list[KnownCell], ...], list[KnownCell]]:
        """End the trials that can be decided; cells that left the view are decided by the sightings so far."""
        counted: tuple[list[KnownCell], ...] = tuple([] for _ in KINDS)
        given_up = []
        for number, (_, cell) in list(self._on_trial.items()):
            left = number not in on_view
            cell.state = verdict(cell, left=left)
            if cell.state == TRIED and not left:
                continue
            del self._on_trial[number]
            if cell.state == COUNTED:
                self.known[cell.kind] += 1
                counted[cell.kind].append(cell)
            else:
                given_up.append(cell)
        return counted, given_up

    def _twin(self, cell: KnownCell, region: int, red_cell_px: float) -> KnownCell | None:
        _, column, row = self.coverage.tile_of(region, cell.x, cell.y)
        near = [
            other
            for c in (column - 1, column, column + 1)
            for r in (row - 1, row, row + 1)
            for other in self._tiles.get((region, c, r)) or ()
            if other.kind == cell.kind
        ]
        if not near:
            return None
        best = min(near, key=lambda other: math.hypot(other.x - cell.x, other.y - cell.y))
        reach = TWIN_RED_CELLS * red_cell_px
        return best if math.hypot(best.x - cell.x, best.y - cell.y) < reach else None

    def _is_double(self, cell: KnownCell, twin: KnownCell) -> bool:
        """Drop `cell` in favour of its twin; returns whether both had been counted."""
        self._on_trial.pop(cell.number, None)
        if cell.state != COUNTED:
            return False
        if twin.state == COUNTED:
            self.known[cell.kind] -= 1
            return True
        twin.state = COUNTED
        self._on_trial.pop(twin.number, None)
        return False

    def _pack(self, held: set[int]) -> None:
        """Pack tiles that are not in use; cells on trial and those with numbers in `held` stay the objects they are."""
        held = held | self._on_trial.keys()
        self._tiles.pack(lambda cells: any(cell.number in held for cell in cells))

    def _bound(self, pose: Pose, frame_size: tuple[int, int]) -> None:
        """Mark the tiles in view as recent, and forget the oldest beyond the limit."""
        for tile in self.coverage.tiles_in(pose, frame_size):
            self._tiles.renew(tile, [])
        while len(self._tiles) > self._max_tiles:
            tile = self._tiles.oldest()
            for cell in self._tiles.pop(tile) or ():
                self._on_trial.pop(cell.number, None)
            self.coverage.forget(tile)
            self.forgotten += 1
