"""Index of the known places: which key fields may show the place that a view shows, without comparing pictures.

A place is known by its cells: the dark spots of a thumbnail, each described by its surroundings at low resolution,
normalised, so that lamp and focus hardly matter. All spots of all key fields are compared with a view's in one matrix
product. Each pair that looks alike votes for a displacement of its key field (a Hough transform, R. O. Duda and P. E.
Hart 1972), and the key field with the most votes for one displacement comes first: that needs a few cells in common,
wherever they lie.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SPOTS = 12
"""Spots kept of a key field, 52 bytes each. Measured on stitched real fields (bccd), 1,992 key fields, 112 returns that
share 40 to 80 % with a key field: with 12 all are among the index's best 8, with 8 spots 98 in 100, with 6 97."""
SPOTS_OF_VIEW = 24
"""Spots of the view that is searched: more than are kept, so that those of a key field are among them."""
REACH_PX = 8
"""Surroundings that are described, to each side of a spot: those of a cell and its neighbours at 80 pixels a frame."""
VALUES = 12
"""Values of a description: the lowest cosine coefficients of the surroundings, without their mean."""
ALIKE = 0.85
"""Minimum cosine of two descriptions that vote."""
VOTE_PX = 6
"""Votes for displacements within this many pixels are one: spots lie a pixel off, or two where the frame turned."""
_RASTER = 6
_SPOT_PX, _AROUND_PX = 1.5, 4.0
_APART_PX = 5
_SMOOTH_PX = 1.0
_BINS = 128
_BLOCK = 256


class PlaceIndex:
    """The spots of all key fields, by the key field's number."""

    def __init__(self) -> None:
        self._slots: dict[int, int] = {}
        self._free: list[int] = []
        self._described = np.zeros((0, VALUES), np.float32)
        self._at = np.zeros((0, 2), np.int16)

    def add(self, number: int, thumbnail: NDArray[np.float32], slide: NDArray[np.bool_] | None = None) -> None:
        """Note a key field by its thumbnail (h, w), contrast against the surroundings; `slide`: see `View.slide`."""
        if not self._free:
            self._grow()
        slot = self._slots[number] = self._free.pop()
        at, described = spots_of(thumbnail, slide, SPOTS)
        rows = slice(slot * SPOTS, slot * SPOTS + len(at))
        self._at[rows], self._described[rows] = at, described

    def forget(self, number: int) -> None:
        """Remove a key field."""
        slot = self._slots.pop(number)
        self._described[slot * SPOTS : (slot + 1) * SPOTS] = 0  # alike to nothing
        self._free.append(slot)

    def likeliest(
        self, thumbnail: NDArray[np.float32], slide: NDArray[np.bool_] | None, numbers: Sequence[int], most: int
    ) -> list[int]:
        """Up to `most` of the key fields `numbers` that may show the same place as a view, the likeliest first.

        `thumbnail` (h, w) is the view's, contrast against the surroundings; `slide`: see `View.slide`.
        """
        slots = np.array([self._slots[number] for number in numbers], np.intp)
        votes = self._votes(*spots_of(thumbnail, slide, SPOTS_OF_VIEW))[slots]
        return [numbers[i] for i in np.argsort(-votes, kind="stable")[:most].tolist()]

    def _votes(self, at: NDArray[np.int16], described: NDArray[np.float32]) -> NDArray[np.float64]:
        """(slots,) votes of each key field for the displacement that has the most."""
        rows, spots, likeness = self._pairs(described)
        slot, apart, weight = rows // SPOTS, self._at[rows] - at[spots], likeness - ALIKE
        votes = np.zeros(len(self._at) // SPOTS)
        for offset in (0, VOTE_PX // 2):  # what one grid of bins divides, the other does not
            bins = (apart + offset) // VOTE_PX & (_BINS - 1)
            filled, which = np.unique((slot * _BINS + bins[:, 0]) * _BINS + bins[:, 1], return_inverse=True)
            np.maximum.at(votes, filled // _BINS**2, np.bincount(which, weight))
        return votes

    def _pairs(self, described: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        """Rows and spots (n,) each that look alike, and how much; in blocks that stay in the processor's cache."""
        space = np.empty((_BLOCK * SPOTS, len(described)), np.float32)
        found = []
        for start in range(0, len(self._described), len(space)):
            np.matmul(self._described[start : start + len(space)], described.T, out=space)
            row, spot = np.divmod(np.flatnonzero(space > ALIKE), max(1, len(described)))
            found.append((row + start, spot, space[row, spot]))
        rows, spots, likeness = zip(*found, strict=True)
        return np.concatenate(rows), np.concatenate(spots), np.concatenate(likeness)

    def _grow(self) -> None:
        slots = len(self._at) // SPOTS
        self._described = np.concatenate([self._described, np.zeros((_BLOCK * SPOTS, VALUES), np.float32)])
        self._at = np.concatenate([self._at, np.zeros((_BLOCK * SPOTS, 2), np.int16)])
        self._free = list(range(slots + _BLOCK - 1, slots - 1, -1))


def spots_of(
    thumbnail: NDArray[np.float32], slide: NDArray[np.bool_] | None, most: int
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """The darkest spots of a thumbnail: (n, 2) places x y, and (n, VALUES) descriptions of unit length.

    Args:
        thumbnail: (h, w), contrast against the surroundings.
        slide: (H, W), where the view shows slide; surroundings that reach beyond are not described. None: everywhere.
        most: the number of spots; there are fewer in an empty or a very small picture.
    """
    dark = cv2.GaussianBlur(thumbnail, (0, 0), _AROUND_PX) - cv2.GaussianBlur(thumbnail, (0, 0), _SPOT_PX)
    peaks = dark >= cv2.dilate(dark, np.ones((_APART_PX, _APART_PX), np.uint8))
    inside = np.zeros(peaks.shape, np.bool_)
    inside[REACH_PX:-REACH_PX, REACH_PX:-REACH_PX] = True
    if slide is not None:
        shown = cv2.resize(slide.astype(np.uint8), peaks.shape[::-1], interpolation=cv2.INTER_NEAREST)
        inside &= cv2.erode(shown, np.ones((2 * REACH_PX + 1, 2 * REACH_PX + 1), np.uint8)) > 0
    y, x = np.nonzero(peaks & inside)
    darkest = np.argsort(-dark[y, x], kind="stable")[:most]
    y, x = y[darkest], x[darkest]
    raster = np.rint(np.linspace(-REACH_PX, REACH_PX, _RASTER)).astype(np.intp)
    smooth = cv2.GaussianBlur(thumbnail, (0, 0), _SMOOTH_PX)
    around = smooth[(y[:, None] + raster)[:, :, None], (x[:, None] + raster)[:, None, :]]
    described = around.reshape(-1, _RASTER * _RASTER) @ _cosines()
    described /= np.linalg.norm(described, axis=1, keepdims=True) + np.float32(1e-9)
    return np.stack([x, y], axis=1).astype(np.int16), described.astype(np.float32, copy=False)


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float32]:
    """(_RASTER², VALUES) float32: two-dimensional cosines, the lowest frequencies but the constant."""
    middle = (np.arange(_RASTER) + 0.5) * np.pi / _RASTER
    waves = (
        np.cos(np.arange(_RASTER)[:, None] * middle)
        * np.sqrt(np.where(np.arange(_RASTER) > 0, 2, 1) / _RASTER)[:, None]
    )
    orders = sorted((i * i + j * j, i, j) for i in range(_RASTER) for j in range(_RASTER))[1 : VALUES + 1]
    columns: NDArray[np.float32] = np.stack([np.outer(waves[i], waves[j]).ravel() for _, i, j in orders], axis=1)
    return columns.astype(np.float32)
