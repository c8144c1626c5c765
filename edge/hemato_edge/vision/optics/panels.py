"""Panels that a program lays over a picture, such as a menu's: translucent rectangles, of any colour.

Cells shine through, so that neither colour nor evenness tells one. Its sides do: they are straight, run along the
picture's rows and columns, the picture becomes darker or lighter across them in one step, and what is beside them, made
paler and mixed with one colour, is what is on the panel.
"""

from __future__ import annotations

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
_AT_ONCE = 64
"""Sides that are looked at together."""

Panel = tuple[int, int, int, int]
"""Top, bottom, left, right, samples."""
Told = tuple[float, Panel]
"""How well a panel is told, and the panel."""


class _Steps:
    """Where samples (h, w) uint8 become lighter, or darker, from one row to the next.

    Step `row` lies between the rows `row` - 1 and `row`; 0 and h are the picture's border, a side of any panel.
    """

    def __init__(self, samples: NDArray[np.uint8]) -> None:
        self.samples, self.height = samples, len(samples)
        changes = (cv2.subtract(samples[:-1], samples[1:]), cv2.subtract(samples[1:], samples[:-1]))
        self._one_way = [np.asarray(cv2.threshold(one, _STEP, 1, cv2.THRESH_BINARY)[1], np.uint8) for one in changes]
        self._either = np.zeros((samples.shape[1] + 1, self.height + 1), np.float32)
        lighter, darker = self._one_way
        np.cumsum(cv2.transpose(cv2.add(lighter, darker)), axis=0, out=self._either[1:, 1:-1])

    def sides(self) -> NDArray[np.intp]:
        """(n, 3): row, start and end of what is long enough to be seen as a panel's side by itself."""
        found = [np.zeros((0, 3), np.intp)]
        for steps in self._one_way if self.samples.shape[1] >= _LONG else ():
            sums = cv2.boxFilter(steps, -1, (_LONG, 1), anchor=(0, 0), normalize=False)
            long = np.asarray(sums)[:, : steps.shape[1] - _LONG + 1] >= _SEEN * _LONG
            rows = np.flatnonzero(long.any(axis=1))
            first, last = long[rows].argmax(axis=1), long.shape[1] - 1 - long[rows, ::-1].argmax(axis=1)
            found.append(np.column_stack([rows + 1, first, last + _LONG]))
        return np.concatenate(found)

    def hold(self, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.bool_]:
        """(n, h + 1): whether a panel may have a side in each row between two columns, of `starts` and `ends` (n,)."""
        share = (self._either[ends] - self._either[starts]) / (ends - starts).astype(np.float32)[:, None]
        holds: NDArray[np.bool_] = share >= _HOLDS
        beside = share[:, :-_BESIDE] - share[:, _BESIDE:]
        holds[:, _BESIDE:] &= beside < -_SHARP
        holds[:, :-_BESIDE] &= beside > _SHARP
        holds[:, [0, -1]] = True
        return holds

    def hold_in(self, rows: NDArray[np.intp], starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.bool_]:
        """(n,): the same in one row each, of `rows` (n,)."""
        length = (ends - starts).astype(np.float32)
        own, before, behind = (
            (self._either[ends, at] - self._either[starts, at]) / length
            for at in (rows, np.maximum(rows - _BESIDE, 0), np.minimum(rows + _BESIDE, self.height))
        )
        alone = (own >= _HOLDS) & ((rows < _BESIDE) | (before - own < -_SHARP))
        alone &= (rows > self.height - _BESIDE) | (own - behind > _SHARP)
        return np.asarray(alone | (rows == 0) | (rows == self.height), np.bool_)

    def pairs(self, row: int, columns: tuple[int, int], *, below: bool) -> NDArray[np.uint8]:
        """(2, n): the samples beside a panel and on it, where it lies below a side or above; none at the border."""
        if row in (0, self.height):
            return np.zeros((2, 0), np.uint8)
        return self.samples[[row - 1, row] if below else [row, row - 1], slice(*columns)]


def find_panels(image: Image) -> NDArray[np.bool_] | None:
    """(H, W) bool: the panels that lie over a picture (H, W, 3) uint8 BGR; None without any."""
    step = max(1, round(min(image.shape[:2]) / _SIDE))
    green = np.asarray(cv2.extractChannel(every(image, step), 1), np.uint8)
    if min(green.shape) < _LEAST:
        return None
    down, across = _Steps(green), _Steps(np.ascontiguousarray(green.T))
    told, turned = list(_told(down, across)), _told(across, down)
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


def _told(down: _Steps, across: _Steps) -> Iterator[Told]:
    """The panels with a side along the rows that is seen by itself, below it or above."""
    sides = down.sides()
    for below in (False, True):
        for first in range(0, len(sides), _AT_ONCE):
            for panel in _enclosed(_reaching(sides[first : first + _AT_ONCE], across, below=below), down, across):
                score = _mixed(_around(panel, down, across))
                if score > 0:
                    yield score, panel


def _reaching(sides: NDArray[np.intp], across: _Steps, *, below: bool) -> NDArray[np.intp]:
    """(m, 4): row, start and end of the sides (n, 3) from one possible corner of a panel to another, and `below`."""
    lengths = np.array(_CORNERS) if below else -np.array(_CORNERS)
    rows = np.repeat(sides[:, 0], len(lengths))
    far = rows + np.tile(lengths, len(sides))
    inside = (far >= 0) & (far <= across.samples.shape[1])
    ending = np.zeros((len(rows), across.height + 1), np.bool_)
    ending[inside] = across.hold(np.minimum(rows, far)[inside], np.maximum(rows, far)[inside])
    ending = ending.reshape(len(sides), len(lengths), -1).any(axis=1)
    found = []
    for (row, *places), own in zip(sides.tolist(), ending, strict=True):
        starts, ends = (np.flatnonzero(own[max(0, at - _OFF) : at + _OFF]) + max(0, at - _OFF) for at in places)
        found += [(row, a, b, below) for a in starts.tolist() for b in ends.tolist() if b - a >= _LONG]
    return np.array(found, np.intp).reshape(-1, 4)


def _enclosed(reaching: NDArray[np.intp], down: _Steps, across: _Steps) -> Iterator[Panel]:
    """What the sides (n, 4) enclose with three others."""
    row, start, end, below = reaching[down.hold_in(*reaching.T[:3])].T
    holds = down.hold(start, end)
    beyond = np.arange(down.height + 1) - row[:, None]
    one, far = np.nonzero(holds & (np.where(below[:, None], beyond, -beyond) >= _LEAST))
    top, bottom, left, right = np.minimum(row[one], far), np.maximum(row[one], far), start[one], end[one]
    whole = across.hold_in(left, top, bottom) & across.hold_in(right, top, bottom)
    for panel in np.column_stack([top, bottom, left, right])[whole].tolist():
        yield tuple(panel)


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
