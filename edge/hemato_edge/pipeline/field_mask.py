"""What of a session's frames is slide: found in the first of them, and followed.

Bars and the circle of an eyepiece show in one picture. What lies over the slide shows while the stage moves; until it
is told, marks and boxes of the first picture stand in for it. A frame that shows slide where none was, or the
other way round, has the mask made anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.aperture import Aperture
from hemato_edge.errors import ConfigurationError
from hemato_edge.home import from_home
from hemato_edge.vision.optics.field_of_view import UNTOLD_DARK, find_aperture
from hemato_edge.vision.optics.glance import is_suspicious, rough_glass, still_holds
from hemato_edge.vision.optics.overlays import MOST_HIDDEN, OverlayWatch, covered_by, find_marks
from hemato_edge.vision.optics.painted import find_painted
from hemato_edge.vision.optics.panels import find_panels
from hemato_edge.vision.optics.round_field import ROUND, UNTOLD_SOFT

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.settings import CameraSettings
    from hemato_edge.values import Frame, Image
    from hemato_edge.vision.field_view import FieldView

NOTHING = Aperture.whole(1, 1)
OVERLAY, MARKS, FILE = "overlay", "marks", "file"
PROFILE, PROFILE_LEFT = "profile", "profile_left"
"""Tallies of a mask that came from the calibration profile: it is at work; the frames contradict it."""
UNTOLD_ROUND, UNTOLD_SIZE = "round", "size"
"""Why an aperture cannot be told: a round one was asked for and there is none; the one given is of another size."""
UNTOLD_WORDS = {
    UNTOLD_DARK: "there is hardly any light",
    UNTOLD_SOFT: "its rim is as soft as uneven light",
    UNTOLD_ROUND: "no circle was found",
    UNTOLD_SIZE: "the mask that was given is of another size",
}
CHECKED_EVERY = 64
"""A mask is held against one of so many frames: a diaphragm is turned, a camera is shifted on its tube."""
_LEAST_SLIDE = 0.02
SURE_CHECKS = 2
"""So many checks in a row must contradict it."""


class FieldMask:
    """The aperture of each frame of one session.

    Args:
        given: an aperture that a person or a profile gives; nothing is looked for then. None: it is found.
        search: whether to look for one; without, all of a frame is slide.
        round_field: a person knows that it is round: a soft rim is believed, and nothing but a circle.
        crop: x, y, width, height of the part of a frame that is looked at, pixels; None: all of it.
        known: what an earlier session of the same microscope found, and what lay over it, (h, w) bool or None; it is
            believed as long as the frames do not contradict it.

    Attributes:
        aperture: of the last frame.
        untold: why the aperture cannot be told, or None.
    """

    def __init__(
        self,
        given: Aperture | None = None,
        *,
        search: bool = True,
        round_field: bool = False,
        crop: tuple[int, int, int, int] | None = None,
        known: tuple[Aperture, NDArray[np.bool_] | None] | None = None,
    ) -> None:
        self._known, self._from_profile, self._overlay = known, "", None if known is None else known[1]
        self._round = round_field
        self._given, self._search, self._crop = given, search and given is None, crop
        self._found: Aperture | None = None
        self._watch = OverlayWatch()
        self._frames = self._against = 0
        self.aperture = NOTHING
        self.untold: str | None = None

    def aperture_of(self, frame: Frame) -> Aperture:
        """What of a frame is slide."""
        height, width = frame.image.shape[:2]
        if self._given is not None and self._given.frame_size == (width, height):
            self.aperture, self.untold = self._given, None
        elif self._given is not None:
            self.aperture, self.untold = Aperture.whole(width, height), UNTOLD_SIZE
        elif not self._search:
            if self.aperture.frame_size != (width, height):
                self.aperture = _cropped((width, height), self._crop)
        elif frame.independent:
            self.aperture = self.of_picture(frame.image)
        else:
            self._follow(frame.image)
        return self.aperture

    def of_picture(self, image: Image) -> Aperture:
        """What of a picture (H, W, 3) uint8 BGR that stands for itself is slide."""
        last, size = self._found, (image.shape[1], image.shape[0])
        same = last if last is not None and last.frame_size == size else None
        glass = rough_glass(image)
        if same is not None and not same.is_whole and still_holds(same, image):
            found = same
        elif not is_suspicious(image, glass):
            found, self.untold = (same if same is not None and same.is_whole else self._all_of(size)), None
        else:
            found, self.untold = self._seen(image)
        self._found = found
        return covered_by(found, _drawn_over(found.window(image), glass), MARKS)

    def learn(self, view: FieldView) -> None:
        """Look at one sharp frame of a moving stage for what does not move with the slide."""
        if not self._search or self._found is None or view.aperture is not self.aperture:
            return
        if self._watch.add(view.window):
            self._overlay = self._told_overlay()
            self.aperture = covered_by(self._found, self._overlay, OVERLAY)

    def _told_overlay(self) -> NDArray[np.bool_] | None:
        """What the watch has found, less a rim in which the light fades: no glass is seen there either."""
        hidden, fading = self._watch.hidden, None if self._found is None else self._found.fading
        if hidden is None or fading is None:
            return hidden
        left = hidden & ~fading
        return left if left.any() else None

    @property
    def overlays_told(self) -> bool:
        """Whether the stage has moved enough for overlays to be told, or nobody looks for them."""
        return self._watch.told or not self._search

    def learnt(self) -> tuple[Aperture, NDArray[np.bool_] | None]:
        """What of a frame is slide, and what lies over that, (h, w) bool over its rectangle, or None: to be kept."""
        return self.aperture if self._found is None else self._found, self._told_overlay()

    def tallies(self) -> dict[str, int]:
        """What a session records of its mask: how much of a frame is slide, what hides the rest, and what is untold."""
        if self.aperture is NOTHING or self.aperture.is_whole:
            told = {}
        else:
            told = {"mask:slide_permille": round(1000 * self.aperture.share)}
            told |= {f"mask:{kind}": 1 for kind in self.aperture.kinds}
        if self._from_profile:
            told[f"mask:{self._from_profile}"] = 1
        return told if self.untold is None else told | {f"mask_untold:{self.untold}": 1}

    def _follow(self, image: Image) -> None:
        height, width = image.shape[:2]
        self._frames += 1
        if self._found is None or self._found.frame_size != (width, height):
            self._begin(image)
        elif self._frames % CHECKED_EVERY == 0 and not self._holds(image):
            self._against += 1
            if self._against >= SURE_CHECKS:
                self._from_profile = PROFILE_LEFT if self._from_profile else ""
                self._begin(image)
        elif self._frames % CHECKED_EVERY == 0:
            self._against = 0

    def _holds(self, image: Image) -> bool:
        if self._found is None or self._found.is_whole:
            return not is_suspicious(image) or self._seen(image)[0].is_whole
        return still_holds(self._found, image)

    def _begin(self, image: Image) -> None:
        """Make the mask of a frame anew."""
        self._against = 0
        if self._take_known(image):
            return
        found, self.untold = self._seen(image)
        self._watch = OverlayWatch()
        self.aperture = covered_by(found, _drawn_over(found.window(image), rough_glass(image)), MARKS)
        self._found = None if self.untold == UNTOLD_DARK else found

    def _take_known(self, image: Image) -> bool:
        """Begin with what is known from before, if the first frame does not contradict it; whether it does not."""
        if self._known is None or self._known[0].frame_size != (image.shape[1], image.shape[0]):
            return False
        (self._found, self._overlay), self._known = self._known, None
        if not self._holds(image):
            self._from_profile, self._overlay = PROFILE_LEFT, None
            return False
        self._from_profile, self.untold = PROFILE, None
        self.aperture = covered_by(self._found, self._overlay, OVERLAY)
        return True

    def _seen(self, image: Image) -> tuple[Aperture, str | None]:
        size = image.shape[1], image.shape[0]
        outer = self._all_of(size)
        sighting = find_aperture(outer.window(image), round_field=self._round)
        if self._round and ROUND not in sighting.aperture.kinds:
            return outer, sighting.untold or UNTOLD_ROUND
        if self._crop is None:
            return sighting.aperture, sighting.untold
        x, y = outer.origin
        seen = sighting.aperture
        x0, y0, x1, y1 = seen.rectangle
        inner = (x0 + x, y0 + y, x1 + x, y1 + y)
        kinds = (*outer.kinds, *seen.kinds)
        return Aperture(size, inner, seen.hidden, seen.bridged, kinds, seen.retreat_px, seen.rim), sighting.untold

    def _all_of(self, size: tuple[int, int]) -> Aperture:
        return _cropped(size, self._crop)


def _drawn_over(window: Image, glass: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """(h, w) bool: what shows in one picture as drawn over it, marks, boxes and panels; None where nothing does."""
    boxes = (one for one in (find_painted(window, glass), find_panels(window)) if one is not None)
    found = [one for one in boxes if one.mean() <= MOST_HIDDEN]
    marks = find_marks(window, glass)
    found += [] if marks is None else [marks]
    return np.logical_or.reduce(found) if found else None


def _cropped(size: tuple[int, int], crop: tuple[int, int, int, int] | None) -> Aperture:
    """All of a frame, or what a person wants of it; a part outside of the frame does not count."""
    if crop is None:
        return Aperture.whole(*size)
    x, y, width, height = crop
    x0, y0, x1, y1 = max(0, x), max(0, y), min(size[0], x + width), min(size[1], y + height)
    return Aperture(size, (x0, y0, x1, y1), kinds=("crop",)) if x1 > x0 and y1 > y0 else Aperture.whole(*size)


def mask_of(settings: CameraSettings, known: tuple[Aperture, NDArray[np.bool_] | None] | None = None) -> FieldMask:
    """The mask that a person asks for.

    Args:
        settings: of the camera.
        known: what the calibration profile knows of it, and what lay over it, (h, w) bool; it counts where the mask is
            looked for in whole frames.

    Raises:
        ConfigurationError: the file that is named is no mask.
    """
    if settings.mask in ("auto", "round"):
        known = known if settings.crop is None else None
        return FieldMask(round_field=settings.mask == "round", crop=settings.crop, known=known)
    if settings.mask == "none":
        return FieldMask(search=False, crop=settings.crop)
    return FieldMask(read_mask(from_home(settings.mask)))


def read_mask(path: Path) -> Aperture:
    """The aperture that a picture draws: white where there is slide, black where there is none.

    Raises:
        ConfigurationError: there is no such picture, or hardly anything of it is white.
    """
    try:
        drawn = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, cv2.error):
        drawn = None
    if drawn is None:
        raise ConfigurationError(
            f"The mask {path} is no picture that can be read.",
            "Set camera.mask to auto, none, round, or a PNG of the frames' size that is white where there is slide.",
        )
    slide = np.asarray(drawn) > 127
    if slide.mean() < _LEAST_SLIDE:
        raise ConfigurationError(
            f"The mask {path} leaves {100 * slide.mean():.0f} % of a frame.",
            "Paint white what is slide, and black the rest.",
        )
    x, y, width, height = cv2.boundingRect(slide.astype(np.uint8))
    hidden = ~slide[y : y + height, x : x + width]
    size = slide.shape[1], slide.shape[0]
    return Aperture(size, (x, y, x + width, y + height), hidden if hidden.any() else None, None, (FILE,))
