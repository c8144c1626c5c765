"""Collects what a mosaic is made of while a session counts: the sharpest picture of each place, and the cells.

Pictures are kept as JPEG files in a folder, not in memory: one for each place that overlaps no kept one by more than
`NEW_BELOW`, replaced where a sharper frame shows nearly the same. Their places follow every correction of the map.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.counting.mapping.rotation import rotated
from hemato_edge.output_files import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.aperture import Aperture
    from hemato_edge.counting.mapping.slide_map import Joined, Move
    from hemato_edge.values import Cell, Pose
    from hemato_edge.vision.field_view import FieldView

MOST_FRAMES = 4096
"""Pictures kept at most: as many as places that registration remembers at once, twice."""
NEW_BELOW = 0.7
"""A frame is kept if it shares less than this of its area with every kept one, as registration makes its key fields."""
SAME_ABOVE = 0.85
"""A frame that shares more than this with a kept one can take its place."""
SHARPER = 1.15
"""Least ratio of their focus then."""
JPEG_QUALITY = 95
BYTES_A_PIXEL = 0.7
"""Of such a picture, at most: measured 0.3 to 0.6 on real fields of three laboratories. For saying beforehand how
much disk is needed."""
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class KeptFrame:
    """One picture of the mosaic.

    Attributes:
        path: of its JPEG file.
        region, x, y: its upper left corner on the slide, pixels, after rotating it back about its middle.
        angle_deg: its rotation on the slide.
        focus: the gate's measure.
        glass: (3,) float64 BGR, its empty glass.
        aperture: what of it is slide.
    """

    path: Path
    region: int
    x: float
    y: float
    angle_deg: float
    focus: float
    glass: NDArray[np.float64]
    aperture: Aperture


@dataclass(slots=True, eq=False)
class MosaicCell:
    """A counted cell.

    Attributes:
        number: in the session.
        label: its name, or "unclassified".
        confidence: of the best guess.
        region, x, y: its centre on the slide, pixels.
        diameter: pixels.
    """

    number: int
    label: str
    confidence: float
    region: int
    x: float
    y: float
    diameter: float


class MosaicCollector:
    """A `MapFollower` that keeps pictures and cells.

    Args:
        folder: for the pictures; created.
        most: pictures kept at most; later places are left out, and counted in `left_out`.

    Attributes:
        frames: the kept pictures.
        cells: the counted cells.
        left_out: frames of new places that were not kept.

    Raises:
        OutputError: the folder cannot be made.
    """

    def __init__(self, folder: Path, most: int = MOST_FRAMES) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{folder} cannot be made ({error.strerror}).", "Name a writable place with --mosaic."
            ) from error
        self._folder, self._most = folder, most
        self.frames: list[KeptFrame] = []
        self.cells: list[MosaicCell] = []
        self.left_out = 0
        self._stopped = False
        self._corners: NDArray[np.float64] | None = None

    def corrected(self, joined: Iterable[Joined], moves: Iterable[Move]) -> None:
        """See `MapFollower.corrected`; everything moves with its nearest key field, as the ledger's cells do."""
        by_region: dict[int, list[Move]] = {}
        for move in moves:
            by_region.setdefault(move.region, []).append(move)
        for one in self._placed() if by_region else ():
            group = by_region.get(one.region)
            if group:
                nearest = min(group, key=lambda move: (move.x_px - one.x) ** 2 + (move.y_px - one.y) ** 2)
                one.x, one.y = one.x + nearest.dx_px, one.y + nearest.dy_px
        for join in joined:
            self._join(join)
        self._corners = None

    def saw(self, view: FieldView, pose: Pose, focus: float) -> None:
        """See `MapFollower.saw`."""
        if self._stopped:
            return
        best, share = self._most_shared(view.size, pose)
        if share < NEW_BELOW:
            if len(self.frames) >= self._most:
                self.left_out += 1
                return
            if not self.frames:
                self._say_room(*view.size)
            self._keep(view, pose, focus, self._folder / f"{len(self.frames):05d}.jpg")
        elif best is not None and share > SAME_ABOVE and focus > SHARPER * best.focus:
            kept = self._keep(view, pose, focus, best.path)
            self.frames = [one for one in self.frames if one is not best or not kept]

    def _most_shared(self, size: tuple[int, int], pose: Pose) -> tuple[KeptFrame | None, float]:
        """The kept frame that shares most with a frame of (width, height), and that share of its area."""
        if not self.frames:
            return None, 0.0
        if self._corners is None:
            self._corners = np.array([(one.region, one.x, one.y, *one.aperture.size) for one in self.frames])
        apart = np.abs(self._corners[:, 1:3] - (pose.x_px, pose.y_px)) / size
        shared = np.prod(np.maximum(1 - apart, 0), axis=1)
        shared[(self._corners[:, 0] != pose.region) | np.any(self._corners[:, 3:] != size, axis=1)] = 0
        best = int(np.argmax(shared))
        return self.frames[best], float(shared[best])

    def named(self, cells: Iterable[Cell], pose: Pose) -> None:
        """See `MapFollower.named`."""
        self.cells += [
            MosaicCell(
                cell.number,
                cell.judgement.label,
                cell.judgement.confidence,
                pose.region,
                cell.x_px,
                cell.y_px,
                cell.diameter_px,
            )
            for cell in cells
        ]

    def _placed(self) -> list[KeptFrame | MosaicCell]:
        return [*self.frames, *self.cells]

    def _say_room(self, width: int, height: int) -> None:
        """Before the first picture: how much disk they take, and whether there is so much."""
        needed, free = self._most * width * height * BYTES_A_PIXEL / 1e6, shutil.disk_usage(self._folder).free / 1e6
        _log.warning(
            "the mosaic takes up to %.0f MB in %s while it counts (%d pictures); %.0f MB are free",
            *(needed, self._folder, self._most, free),
        )

    def _keep(self, view: FieldView, pose: Pose, focus: float, path: Path) -> bool:
        """Write a picture and enter it; False where it cannot be written, and then no other is kept."""
        aside = path.with_suffix(".part")
        try:
            aside.write_bytes(cv2.imencode(".jpg", view.picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes())
            aside.replace(path)
        except OSError as error:  # counting goes on without it
            self._stopped = True
            _log.warning("the mosaic keeps no more pictures: %s cannot be written (%s)", path, error.strerror)
            return False
        self._corners = None
        self.frames.append(
            KeptFrame(path, pose.region, pose.x_px, pose.y_px, pose.angle_deg, focus, view.background, view.aperture)
        )
        return True

    def _join(self, join: Joined) -> None:
        for one in self._placed():
            if one.region != join.region:
                continue
            half = (one.aperture.size[0] / 2, one.aperture.size[1] / 2) if isinstance(one, KeptFrame) else (0.0, 0.0)
            x, y = rotated(one.x + half[0], one.y + half[1], join.angle_deg)
            one.region, one.x, one.y = join.into, x + join.x_px - half[0], y + join.y_px - half[1]
            if isinstance(one, KeptFrame):
                one.angle_deg += join.angle_deg
