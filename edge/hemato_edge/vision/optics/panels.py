"""Panels that a program lays over a picture, such as a menu's: translucent rectangles, of any colour.

Cells shine through, so that neither colour nor evenness tells one. Its sides do: they are straight, run along the
picture's rows and columns, the picture becomes darker or lighter across them in one step, and what is beside them, made
paler and mixed with one colour, is what is on the panel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.vision.optics.resizing import every

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hemato_edge.values import Image

_SIDE = 240
"""The shorter side of the picture of samples in which they are looked for."""
_STEP = 6
"""Levels by which the picture changes across a side."""
_LONG, _LEAST = 30, 12
"""Samples that one of its longer sides has at least, and its shorter ones; a cell's outline is straight over 12."""
_SEEN, _HOLDS, _SHARP = 0.85, 0.65, 0.1
"""Shares of a side along which the picture changes: one way where it is seen first, one way or the other along all of
it, since a dark cell may become lighter; and by which more than beside it."""
_BESIDE, _OFF = 3, 10
"""Samples beside a side where the picture does not change any more; by which the end of a side may be off."""
_CORNERS = (12, 24, 48)
"""Samples from a corner on along which a side is looked for."""
_FITS, _FIT, _SAME, _PALER = 8.0, 0.5, 0.2, 0.9
"""Levels within which a panel's samples are those beside it, mixed; the share of its sides where they are; where they
are without being mixed; and by what the contrast is multiplied at most."""
_SHINES = 0.15
"""By what the contrast is multiplied at least. Of panels 30 to 65 % opaque 0.35 to 0.69 was measured; of what a stripe
and the picture's border enclose 0.03 at most. A box through which less shines is `painted`'s."""
_ROUNDS = 4

Panel = tuple[int, int, int, int]
"""Top, bottom, left, right, samples."""
Told = tuple[float, Panel]
"""How well a panel is told, and the panel."""


@dataclass(frozen=True, slots=True)
class _Side:
    """A piece of a row of steps, from `start` to `end`, across which the picture becomes lighter or darker."""

    row: int
    start: int
    end: int

    @property
    def rows(self) -> tuple[int, int]:
        """Its row alone, as a range."""
        return self.row, self.row + 1


class _Steps:
    """Where samples (h, w) uint8 become lighter, or darker, from one row to the next.

    Step `row` lies between the rows `row` - 1 and `row`; 0 and h are the picture's border, a side of any panel.
    """

    def __init__(self, samples: NDArray[np.uint8]) -> None:
        self.samples, self.height = samples, len(samples)
        sums = []
        for first, second in ((samples[:-1], samples[1:]), (samples[1:], samples[:-1])):
            steps = np.zeros((self.height + 1, samples.shape[1]), np.int32)
            steps[1:-1] = np.asarray(cv2.subtract(first, second)) > _STEP
            sums.append(np.asarray(cv2.integral(steps.astype(np.uint8))))
        self._sums = [np.diff(one, axis=0) for one in sums]
        self._either = self._sums[0] + self._sums[1]

    def sides(self) -> Iterator[_Side]:
        """What is long enough to be seen as a panel's side by itself."""
        for sums in self._sums:
            long = sums[:, _LONG:] - sums[:, :-_LONG] >= _SEEN * _LONG
            for row in np.flatnonzero(long.any(axis=1)).tolist():
                places = np.flatnonzero(long[row])
                yield _Side(row, int(places[0]), int(places[-1]) + _LONG)

    def holding(self, columns: tuple[int, int], rows: tuple[int, int]) -> NDArray[np.intp]:
        """Those of the rows, from the first to before the second, where a panel may have a side between two columns."""
        start, end = columns
        first, last = max(0, rows[0]), min(self.height + 1, rows[1])
        if first >= last:
            return np.zeros(0, np.intp)
        low, high = max(0, first - _BESIDE), min(self.height + 1, last + _BESIDE)
        share = (self._either[low:high, end] - self._either[low:high, start]) / (end - start)
        holds = share >= _HOLDS
        holds[_BESIDE:] &= share[:-_BESIDE] < share[_BESIDE:] - _SHARP
        holds[:-_BESIDE] &= share[_BESIDE:] < share[:-_BESIDE] - _SHARP
        holds[[at for row in (0, self.height) for at in [row - low] if first <= row < last]] = True
        return np.flatnonzero(holds[first - low : last - low]) + first

    def pairs(self, row: int, columns: tuple[int, int], *, below: bool) -> NDArray[np.uint8]:
        """(2, n): the samples beside a panel and on it, where it lies below a side or above; none at the border."""
        if row in (0, self.height):
            return np.zeros((2, 0), np.uint8)
        return self.samples[[row - 1, row] if below else [row, row - 1], slice(*columns)]


def find_panels(image: Image) -> NDArray[np.bool_] | None:
    """(H, W) bool: the panels that lie over a picture (H, W, 3) uint8 BGR; None without any."""
    step = max(1, round(min(image.shape[:2]) / _SIDE))
    green = np.asarray(cv2.extractChannel(every(image, step), 1), np.uint8)
    down, across = _Steps(green), _Steps(np.ascontiguousarray(green.T))
    told = [one for side in down.sides() for one in _panels_beside(side, down, across)]
    turned = [one for side in across.sides() for one in _panels_beside(side, across, down)]
    told += [(score, (top, bottom, left, right)) for score, (left, right, top, bottom) in turned]
    if not told:
        return None
    found, taken = np.zeros(image.shape[:2], np.bool_), np.zeros(green.shape, np.bool_)
    for _, (top, bottom, left, right) in sorted(told, reverse=True):
        if not taken[top:bottom, left:right].any():
            taken[top:bottom, left:right] = True
            y, x = (max(0, (place - 1) * step + 1) for place in (top, left))
            found[y : bottom * step + 1, x : right * step + 1] = True
    return found


def _panels_beside(side: _Side, down: _Steps, across: _Steps) -> Iterator[Told]:
    """The panels below a side along the rows, and above it."""
    for below in (False, True):
        starts, ends = (_endings(place, side.row, below, across) for place in (side.start, side.end))
        for start, end in ((a, b) for a in starts for b in ends if b - a >= _LONG):
            rows = (side.row + _LEAST, down.height + 1) if below else (0, side.row - _LEAST + 1)
            far = down.holding((start, end), rows) if side.row in down.holding((start, end), side.rows) else ()
            for top, bottom in (sorted((side.row, int(row))) for row in far):
                if all(len(across.holding((top, bottom), (at, at + 1))) for at in (start, end)):
                    score = _mixed(_around((top, bottom, start, end), down, across))
                    if score > 0:
                        yield score, (top, bottom, start, end)


def _endings(place: int, row: int, below: bool, across: _Steps) -> list[int]:
    """The columns about the end of a side in `row` where a panel below it, or above, may end."""
    found = set[int]()
    for length in _CORNERS:
        rows = (row, row + length) if below else (row - length, row)
        if rows[0] >= 0 and rows[1] <= across.samples.shape[1]:
            found.update(across.holding(rows, (place - _OFF, place + _OFF)).tolist())
    return sorted(found)


def _around(panel: Panel, down: _Steps, across: _Steps) -> NDArray[np.uint8]:
    """(2, n): the samples beside all sides of a panel and on it; none with one side of its own only."""
    top, bottom, left, right = panel
    along = [down.pairs(row, (left, right), below=row == top) for row in (top, bottom)]
    along += [across.pairs(column, (top, bottom), below=column == left) for column in (left, right)]
    own = sum(one.shape[1] > 0 for one in along)
    return np.concatenate(along, axis=1) if own > 1 else np.zeros((2, 0), np.uint8)


def _mixed(pairs: NDArray[np.uint8]) -> float:
    """How many more of the samples on a panel are those beside it mixed with one colour, (2, n), than are not.

    0 where most are not, or their contrast is kept, or none of it.
    """
    beside, on = pairs.astype(np.float64)
    if len(on) < _LONG or np.mean(np.abs(on - beside) <= _FITS) > _SAME:
        return 0.0
    kept = np.ones(len(on), np.bool_)
    for _ in range(_ROUNDS):
        a, b = beside[kept], on[kept]
        contrast = float(np.clip(np.mean((a - a.mean()) * (b - b.mean())) / max(float(a.var()), 1.0), 0.0, 1.0))
        off = np.abs(on - b.mean() - contrast * (beside - a.mean()))
        kept = off <= max(2 * float(np.median(off)), 2.0)
    fit = float(np.mean(off <= _FITS))
    return len(on) * (2 * fit - 1) if _SHINES <= contrast <= _PALER and fit > _FIT else 0.0
