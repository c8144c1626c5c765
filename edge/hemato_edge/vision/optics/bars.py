"""Bars at the sides of a picture, and stripes across it: rows of one colour from end to end, different from glass.

A bar ends in a step; a stripe has one on both sides. The brightness of a bar may change along it: then its rows are
alike, and end all along in a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.vision.optics.stain import median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image

    Rectangle = tuple[int, int, int, int]

BARS, STRIPE = "bars", "stripe"
"""Kinds of aperture that are found here."""
FOREIGN = 25.0
"""A colour that differs from glass by this many levels in one channel is not glass."""
UNIFORM = 8.0
"""Colours that differ by at most this many levels are the same."""
TEXT_SHARE = 0.7
"""Share of a row that must show a bar's colour where the bar may hold text."""
_TALLEST_TEXT, _LEFT_BESIDE_TEXT = 0.1, 0.25
_CHUNKS = 40
_NOISE_SPANS = 4.5
_UNIFORM_SHARE = 0.97
_STEP = 15.0
_STEP_PX = 3
_WIDEST_BAR = 0.45
_RIM = 0.8
_LONG_STRIPE, _WHOLE = 0.4, 0.99
_WIDEST_STRIPE = 0.08
GRADED_SHARE = 0.7
"""Share of a bar of changing brightness that is foreign, and that ends in a step: in places it may be as glass is."""
GRADED_PX = 8
"""Fewer alike rows are no such bar: cells that lie across the border look alike over some pixels."""


def without_bars(image: Image, glass: NDArray[np.float64], share: float = _UNIFORM_SHARE) -> Rectangle:
    """x0, y0, x1, y1 of a picture without the bars at its sides, pixels.

    Args:
        image: (H, W, 3) uint8 BGR.
        glass: (3,) BGR of empty glass.
        share: of a row that must show the bar's colour; text may cover the rest.
    """
    x0, y0, x1, y1 = 0, 0, image.shape[1], image.shape[0]
    for _ in range(2):  # a row of the field is uniform up to the bars at its ends only once these are gone
        part = image[y0:y1, x0:x1]
        top, bottom = _bars(part, glass, share)
        left, right = _bars(part[top : len(part) - bottom], glass, share, of_columns=True)
        if not (top or bottom or left or right):
            break
        x0, y0, x1, y1 = x0 + left, y0 + top, x1 - right, y1 - bottom
    return x0, y0, x1, y1


def profile(image: Image | NDArray[np.float32], *, of_columns: bool = False) -> NDArray[np.float32]:
    """Chunk means of every row of a picture (H, W, …), (H, chunks, …) float32; or of every column, (W, chunks, …)."""
    height, width = image.shape[:2]
    size = (width, min(_CHUNKS, height)) if of_columns else (min(_CHUNKS, width), height)
    means = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)
    return np.ascontiguousarray(means.swapaxes(0, 1)) if of_columns else means


def _bars(image: Image, glass: NDArray[np.float64], share: float, *, of_columns: bool = False) -> tuple[int, int]:
    """How many rows (or columns) of a picture (H, W, 3), from the first on and from the last on, are a bar."""
    first, last = (profile(end, of_columns=of_columns) for end in ends_of(image, of_columns=of_columns))
    if not any(_is_even(end, glass, share) or is_graded(end, glass) for end in (first, last[::-1])):
        return 0, 0  # which the first rows of most pictures tell
    rows = profile(image, of_columns=of_columns)
    return _bar(rows, glass, share), _bar(rows[::-1], glass, share)


def ends_of(image: Image, *, of_columns: bool) -> tuple[Image, Image]:
    """The first and last rows (or columns) of a picture (H, W, 3) that tell whether a bar may begin with them."""
    number = GRADED_PX + 1
    return (image[:, :number], image[:, -number:]) if of_columns else (image[:number], image[-number:])


def _is_even(rows: NDArray[np.float32], glass: NDArray[np.float64], share: float) -> bool:
    """Whether the first of rows (n, chunks, 3) has one colour other than glass."""
    return bool(_uniform(rows[:2], glass, share)[0])


def is_graded(rows: NDArray[np.float32], glass: NDArray[np.float64]) -> bool:
    """Whether rows (n, chunks, 3), `GRADED_PX` + 1 at least, may begin a bar whose brightness changes along it."""
    first = np.sort(rows[:_STEP_PX], axis=0)[_STEP_PX // 2]
    return _is_foreign(first, glass) and bool(_alike(rows, first)[:GRADED_PX].all())


def _is_foreign(colours: NDArray[np.float32], glass: NDArray[np.float64]) -> bool:
    """Whether enough of the colours (chunks, 3) of a row are not glass for a bar of changing brightness."""
    foreign = np.abs(colours - glass).max(axis=1) > FOREIGN
    return bool(np.count_nonzero(foreign) >= GRADED_SHARE * len(foreign))


def _bar(rows: NDArray[np.float32], glass: NDArray[np.float64], share: float) -> int:
    """How many of the rows (N, chunks, 3), from the first on, are a bar."""
    if not _is_even(rows, glass, share):
        return _graded_bar(rows, glass)
    like = _uniform(rows, glass, share)
    colour = np.median(rows[0], axis=0)
    like &= np.abs(np.median(rows, axis=1) - colour).max(axis=1) <= FOREIGN
    count = _past_text(rows, like, colour, int(np.argmin(like)) if not like.all() else len(rows))
    if count > _WIDEST_BAR * len(rows):
        return 0
    beyond = rows[min(count + _STEP_PX, len(rows) - 1)]
    if float(np.abs(beyond - np.median(rows[count - 1], axis=0)).max(axis=1).mean()) < _STEP:
        return 0
    return count + _edge(rows, count)


def _graded_bar(rows: NDArray[np.float32], glass: NDArray[np.float64]) -> int:
    """How many of the rows (N, chunks, 3), from the first on, are a bar whose brightness changes along it."""
    first = np.sort(rows[:_STEP_PX], axis=0)[_STEP_PX // 2]
    if not _is_foreign(first, glass):
        return 0
    like = _alike(rows, first)
    count = int(np.argmin(like)) if not like.all() else len(rows)
    if not GRADED_PX <= count <= _WIDEST_BAR * len(rows):
        return 0
    step = np.abs(rows[min(count + _STEP_PX, len(rows) - 1)] - first).max(axis=1)
    if np.mean(step >= _STEP) < GRADED_SHARE:
        return 0
    return count + int(np.argmin(np.append(_between(rows[count : count + _STEP_PX], first, step), False)))


def _alike(rows: NDArray[np.float32], first: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) bool: which rows (N, chunks, 3) are as the first ones, (chunks, 3), but for noise."""
    noise = np.median(np.abs(np.diff(rows, axis=0, append=rows[-1:])).max(axis=2), axis=1)
    spread = np.quantile(np.abs(rows - first).max(axis=2), _UNIFORM_SHARE, axis=1)
    return np.asarray(spread <= UNIFORM + _NOISE_SPANS * noise, np.bool_)


def _between(rows: NDArray[np.float32], bar: NDArray[np.float32], step: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,) bool: rows (n, chunks, 3) after a bar (chunks, 3) that have not yet most of the step (chunks,) to slide."""
    share = np.abs(rows - bar).max(axis=2) / np.maximum(step, 1)
    return np.asarray(np.median(share, axis=1) < _RIM, np.bool_)


def _past_text(rows: NDArray[np.float32], like: NDArray[np.bool_], colour: NDArray[np.float32], count: int) -> int:
    """How many rows (N, chunks, 3) are a bar of that colour that begins with `count` of them and may hold text.

    Behind a line of text its colour comes again, `like`, (N,), and in each row of the text some of it is left.
    """
    while 0 < count < len(rows):
        again = np.flatnonzero(like[count : count + 1 + round(_TALLEST_TEXT * len(rows))])
        if not len(again):
            break
        text = rows[count : count + int(again[0])]
        if (np.mean(np.abs(text - colour).max(axis=2) <= FOREIGN, axis=1) < _LEFT_BESIDE_TEXT).any():
            break
        behind = like[count + int(again[0]) :]
        count += int(again[0]) + (int(np.argmin(behind)) if not behind.all() else len(behind))
    return count


def _edge(rows: NDArray[np.float32], count: int) -> int:
    """How many rows after a bar are neither bar nor field: rounding, ringing, a soft edge."""
    bar, field = np.median(rows[count - 1], axis=0), np.median(rows[count + _STEP_PX : count + 8], axis=(0, 1))
    span = field - bar
    far = int(np.argmax(np.abs(span)))
    if not abs(span[far]) > _STEP:
        return 0
    share = (np.median(rows[count : count + _STEP_PX, :, far], axis=1) - bar[far]) / span[far]
    return int(np.argmax(np.append(share >= _RIM, True)))


def _uniform(rows: NDArray[np.float32], glass: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """(N,) bool: rows (N, chunks, 3) of one colour other than glass."""
    channels = np.ascontiguousarray(rows.swapaxes(1, 2))
    colour = median(channels, axis=2)
    like: NDArray[np.bool_] = np.abs(colour - glass).max(axis=1) > FOREIGN
    asked = np.flatnonzero(like)
    if len(asked):
        some, behind = channels[asked], channels[np.minimum(asked + 1, len(rows) - 1)]
        spread = np.quantile(np.abs(some - colour[asked, :, None]).max(axis=1), share, axis=1)
        noise = median(np.abs(behind - some).max(axis=1), axis=1)
        like[asked] = spread <= UNIFORM + _NOISE_SPANS * noise
    return like


def find_stripes(
    image: Image, glass: NDArray[np.float64], hidden: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_] | None:
    """(H, W) bool: stripes of one foreign colour from end to end of a picture (H, W, 3); None where there are none."""
    found = np.zeros(image.shape[:2], np.bool_)
    shown = None if hidden is None else (~hidden).astype(np.float32)
    for flip in (False, True):
        for start, end in _stripes(image, glass, shown, of_columns=flip):
            (found.T if flip else found)[start:end] = True
    return found if found.any() else None


def _stripes(
    image: Image, glass: NDArray[np.float64], shown: NDArray[np.float32] | None, *, of_columns: bool
) -> list[tuple[int, int]]:
    rows = profile(image, of_columns=of_columns)
    lit = None if shown is None else profile(shown, of_columns=of_columns) > _WHOLE
    like = _uniform(rows, glass, _UNIFORM_SHARE) if lit is None else _uniform_within(rows, glass, lit)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], like, [False]]).astype(np.int8)))
    found = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        before, behind = start - _STEP_PX, end - 1 + _STEP_PX
        if end - start > _WIDEST_STRIPE * len(rows) or before < 0 or behind >= len(rows):
            continue
        within = np.ones(rows.shape[1], np.bool_) if lit is None else lit[before : behind + 1].all(axis=0)
        inside = np.median(rows[start:end, within], axis=(0, 1)) if within.any() else rows[start, 0]
        steps = [np.abs(rows[i, within] - inside).max(axis=1) for i in (before, behind)]
        if within.any() and all(float(step.mean()) > _STEP for step in steps):
            found.append((start - 1, end + 1))
    return found


def _uniform_within(rows: NDArray[np.float32], glass: NDArray[np.float64], lit: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """As `_uniform`, for the chunks that are `lit`, (N, chunks), where these are a good part of the row."""
    whole = lit[..., None]
    low = np.where(whole, rows, np.float32(255)).min(axis=1)
    high = np.where(whole, rows, np.float32(0)).max(axis=1)
    wide = np.count_nonzero(whole, axis=1)[:, 0] >= _LONG_STRIPE * rows.shape[1]
    foreign = np.abs((low + high) / 2 - glass).max(axis=1) > FOREIGN
    return np.asarray(wide & foreign & ((high - low).max(axis=1) <= 2 * UNIFORM), np.bool_)
