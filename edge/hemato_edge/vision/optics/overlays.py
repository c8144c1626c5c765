"""Whatever covers the slide without moving with it: scale bars, reticles, a clock, dust on the sensor.

While the stage moves, every place of the sensor sees empty glass now and then; an overlay never does. The brightest
and darkest levels of each place over several views reveal it, whatever its colour. Changing digits are recognised by
colours that no smear has: darker than any nucleus, or brighter than glass. In a single picture only such colours can
be recognised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.aperture import Aperture
from hemato_edge.vision.optics.glance import LEAST_GLASS
from hemato_edge.vision.optics.resizing import every

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image

ENOUGH_VIEWS = 10
"""Minimum number of views of different places before an overlay is determined."""
MOST_VIEWS = 60
"""After this many views it is determined even if the mask still changes."""
SETTLED_SHARE = 0.0004
"""Before that, the last four views may have cleared at most this share of the picture."""
SMALL_SHARE, SMALL_VIEWS, SMALL_CLEARED = 0.004, 12, 0.05
"""Places of colours that a smear has, together less than this share, may have seen no glass by chance: they must also
have lost at most this part of themselves in this many views. Without it 20 of 120 walks over the clean drawn slide
found an overlay, with it none."""
LATER_EVERY = 16
"""Once it is determined, one in this many frames is looked at: dust comes and goes slowly."""
SETTLED_VIEWS = 4
"""Views over which a mask is held against itself; once it is determined, it is made anew no more often."""
BLACK_SHARE = 0.25
"""Darker than this share of the glass, in every channel, is no smear: nuclei keep a third in one channel."""
NEVER_GLASS = 0.12
"""A place that stays darker than the glass around by this share never showed glass."""
BRIGHTER = 10.0
"""More levels than this above glass is no smear."""
NARROW_SHARE = 0.04
"""Whatever an opening by a square of this side, as a share of the picture's shorter one, removes is narrow: a quarter
of a red cell at the usual magnification. It is bridged by the slide on both sides."""
MOST_HIDDEN = 0.25
_WORKING_WIDTH = 400
_GRID = 16
_MOVED = 0.7
_OFTEN = 0.2
_LEAST_OFTEN = 3
_AROUND_PX = 15
_NOISE_LEVELS = 14.0
_LAMP_CHANGE = 0.12
"""Glass that is brighter or darker than in the first view by up to this share is brought to its level, since places
that were glass under a weaker lamp only would look covered. After a larger change the views begin anew: an overlay
does not follow the lamp, and brought up by more it would look like glass."""
_SPECK_PX = 4
_LETTER_PX = 9
_WHITE = 245
_GLANCE = 4
_THROUGH, _HELD = 0.85, 0.3
_MOST_MARKS = 0.06


def _no_glass() -> NDArray[np.uint8]:
    """(256,) uint8: for each level of the glass around, the least one that is still glass."""
    glass = np.arange(256, dtype=np.float32)
    least = glass - np.maximum(_NOISE_LEVELS, NEVER_GLASS * glass)
    return np.asarray(np.ceil(np.clip(least, 0, 255)), np.uint8)


_NO_GLASS = _no_glass()


class OverlayWatch:
    """Learns from the frames of a moving stage what does not move with the slide.

    Attributes:
        views: number of different views since the last (re)start.
        hidden: (h, w) bool over the frames given, or None while undetermined or empty.
        told: whether enough was seen to determine all of it; before, `hidden` has only what has colours of no smear.
    """

    def __init__(self) -> None:
        self.views = 0
        self.hidden: NDArray[np.bool_] | None = None
        self.told = False
        self._brightest: NDArray[np.uint8] | None = None
        self._darkest: NDArray[np.uint8] | None = None
        self._foreign: NDArray[np.uint8] | None = None
        self._last: NDArray[np.uint8] | None = None
        self._glass: NDArray[np.float64] | None = None
        self._cleared: dict[int, float] = {}
        self._doubtful: dict[int, float] = {}
        self._frames = 0

    def add(self, window: Image) -> bool:
        """Add one frame (h, w, 3) uint8 BGR, all of one size; returns whether the hidden part has changed."""
        self._frames += 1
        if (self.told and self._frames % LATER_EVERY) or not self._moved(window):
            return False
        small = _halved(window)
        self._remember(small)
        if self.views < ENOUGH_VIEWS or (self.told and (self.views - ENOUGH_VIEWS) % SETTLED_VIEWS):
            return False
        marked, foreign = self._never_slide()
        self._cleared[self.views] = float(marked.mean())
        self._doubtful[self.views] = float((marked & ~foreign).mean())
        if self.views < MOST_VIEWS and not self._stable():
            return False
        whole = self.views >= MOST_VIEWS or self._persists()
        if not whole and self.told:
            return False
        before, self.told = self.hidden, self.told or whole
        self.hidden = _enlarged(marked if whole else foreign, window.shape[:2])
        if whole:
            self._begin_anew()
        return not _same(before, self.hidden)

    def _moved(self, window: Image) -> bool:
        """Whether a frame shows another place than the last one analysed."""
        grid = np.ascontiguousarray(window[::_GRID, ::_GRID, 1])
        if self._last is None or self._last.shape != grid.shape:
            self._last = grid
            self._begin_anew()
            return True
        a, b = ((one - np.float32(cv2.mean(one)[0])).ravel() for one in (grid, self._last))
        if a @ b > _MOVED * max(float(np.sqrt((a @ a) * (b @ b))), 1e-6):
            return False
        self._last = grid
        return True

    def _begin_anew(self) -> None:
        self.views, self._cleared, self._doubtful = 0, {}, {}
        self._brightest = self._darkest = self._foreign = self._glass = None

    def _remember(self, small: Image) -> None:
        sample = small[::8, ::8].reshape(-1, 3)
        place = int(0.9 * (len(sample) - 1))
        glass = np.partition(sample, place, axis=0)[place]
        level = np.maximum(glass, 1).astype(np.float64)
        if self._glass is not None and np.abs(level / self._glass - 1).max() > _LAMP_CHANGE:
            self._begin_anew()
        if self._brightest is None or self._darkest is None or self._foreign is None or self._glass is None:
            self._brightest, self._darkest, self._glass = small.copy(), small.copy(), level
            self._foreign = np.zeros(small.shape[:2], np.uint8)
        else:
            even = np.asarray(cv2.multiply(small, np.array([*(self._glass / level), 1.0])), np.uint8)
            cv2.max(self._brightest, even, self._brightest)
            cv2.min(self._darkest, even, self._darkest)
        self._foreign += _foreign(small, glass)
        self.views += 1

    def _stable(self) -> bool:
        """Whether the last views have hardly changed the mask."""
        before = self._cleared.get(self.views - SETTLED_VIEWS)
        return before is not None and before - self._cleared[self.views] <= SETTLED_SHARE

    def _persists(self) -> bool:
        """Whether what has a smear's colours is more than places that saw no glass by chance."""
        now = self._doubtful[self.views]
        if now == 0 or now >= SMALL_SHARE:
            return True
        before = self._doubtful.get(self.views - SMALL_VIEWS)
        return before is not None and before - now <= SMALL_CLEARED * now

    def _never_slide(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(h, w) bool at working scale: what has shown no slide so far, and those parts of it that no smear colours."""
        if self._brightest is None or self._darkest is None or self._foreign is None:
            nothing = np.zeros((0, 0), np.bool_)
            return nothing, nothing
        height, width = self._brightest.shape[:2]
        coarse = cv2.resize(self._brightest, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
        around = cv2.medianBlur(coarse, _AROUND_PX)
        glass = cv2.resize(around, (width, height), interpolation=cv2.INTER_LINEAR)
        dark = cv2.compare(self._brightest, cv2.LUT(glass, _NO_GLASS), cv2.CMP_LT)
        _, bright = cv2.threshold(cv2.subtract(self._darkest, glass), BRIGHTER, 255, cv2.THRESH_BINARY)
        blue, green, red = cv2.split(cv2.bitwise_or(dark, bright))
        often = self._foreign >= max(_LEAST_OFTEN, _OFTEN * self.views)
        marked = _tidied((np.asarray(cv2.max(cv2.max(blue, green), red)) > 0) | often)
        return marked, _touching(marked, often)


def find_marks(image: Image, glass: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """(H, W) bool: marks drawn into a picture (H, W, 3) uint8 in colours that no smear has; None if there are none.

    Black and white, and the pure colours of a camera's text: green, red, yellow, cyan and magenta have one channel
    other than blue at the level of glass, and another as low as only in a nucleus.

    Args:
        image: one picture, BGR.
        glass: (3,) BGR of empty glass in it.
    """
    if glass.max() < LEAST_GLASS or not cv2.countNonZero(_drawn(every(image, _GLANCE), glass)):
        return None
    marked = _drawn(np.ascontiguousarray(image), glass) > 0
    if not marked.any() or marked.mean() > _MOST_MARKS:
        return None
    tidied = _tidied(marked)
    return tidied if tidied.any() else None


def _drawn(image: Image, glass: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(H, W) uint8, not 0 where a picture (H, W, 3) uint8 is black, white or of a pure colour."""
    level = float(glass.max())
    black, white = BLACK_SHARE * level, max(_WHITE, level + 1.5 * BRIGHTER)
    blue, green, red = (_THROUGH * glass).tolist()
    no_blue, no_green, no_red = (_HELD * glass).tolist()
    bounds = (
        ((0, 0, 0), (black, black, black)),
        ((white, white, white), (255, 255, 255)),
        ((0, green, 0), (no_blue, 255, 255)),  # green, yellow
        ((0, green, 0), (255, 255, no_red)),  # green, cyan
        ((0, 0, red), (no_blue, no_green, 255)),
        ((blue, 0, red), (255, no_green, 255)),  # magenta
    )
    found = np.zeros(image.shape[:2], np.uint8)
    extremes = [cv2.minMaxLoc(channel)[:2] for channel in cv2.split(image)]
    for low, high in bounds:
        if all(a <= most and least <= b for a, b, (least, most) in zip(low, high, extremes, strict=True)):
            cv2.bitwise_or(found, cv2.inRange(image, np.array(low, float), np.array(high, float)), found)
    return found


def covered_by(found: Aperture, hidden: NDArray[np.bool_] | None, kind: str) -> Aperture:
    """An aperture less an overlay, (h, w) bool; unchanged if it is empty, or implausibly large."""
    if hidden is None:
        return found
    fresh = hidden if found.hidden is None else hidden & ~found.hidden
    if not fresh.any() or fresh.mean() > MOST_HIDDEN:
        return found
    wide, narrow = split_by_width(fresh if found.bridged is None else fresh | found.bridged)
    if wide is not None and found.hidden is not None:
        wide = wide | found.hidden
    return Aperture(
        found.frame_size,
        found.rectangle,
        found.hidden if wide is None else wide,
        narrow,
        (*found.kinds, kind),
        found.retreat_px,
        found.rim,
    )


def split_by_width(hidden: NDArray[np.bool_]) -> tuple[NDArray[np.bool_] | None, NDArray[np.bool_] | None]:
    """The wide part of a mask (h, w), which is not slide, and the narrow part, which is bridged; None if empty."""
    mask = hidden.astype(np.uint8)
    side = max(5, round(NARROW_SHARE * min(hidden.shape)))
    core = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    wide = (np.asarray(cv2.dilate(core, np.ones((5, 5), np.uint8))) > 0) & hidden
    narrow = hidden & ~wide
    return (wide if wide.any() else None), (narrow if narrow.any() else None)


def _foreign(small: Image, glass: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w) uint8, 1 where no smear has the colour."""
    blue, green, red = cv2.split(small)
    high = cv2.max(cv2.max(blue, green), red)
    low = cv2.min(cv2.min(blue, green), red)
    black = np.asarray(high) < BLACK_SHARE * float(glass.max())
    white = np.asarray(low) > float(glass.max()) + BRIGHTER
    return np.asarray(black | white, np.uint8)


def _tidied(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask without specks, letters joined to words."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(marked.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] > _SPECK_PX
    large[0] = False
    kept = large[labels].astype(np.uint8) if count > 1 else np.zeros(marked.shape, np.uint8)
    return cv2.dilate(kept, np.ones((3, 3), np.uint8)) > 0


def _touching(marked: NDArray[np.bool_], seeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected parts of a mask (h, w) that contain one of the seeds (h, w)."""
    _, labels = cv2.connectedComponents(marked.astype(np.uint8), connectivity=8)
    wanted = np.zeros(int(labels.max()) + 1, np.bool_)
    wanted[labels[seeds & marked]] = True
    wanted[0] = False
    found: NDArray[np.bool_] = wanted[labels]
    return found


def _halved(window: Image) -> Image:
    image = window
    while image.shape[1] > _WORKING_WIDTH:
        half = image.shape[1] // 2, image.shape[0] // 2
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return image


def _enlarged(marked: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    if not marked.any() or marked.mean() > MOST_HIDDEN:
        return None
    size = shape[1], shape[0]
    return cv2.resize(marked.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0


def _same(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and float(np.mean(one != other)) < SETTLED_SHARE
