"""Registration of fields: where on the slide each frame lies.

A frame is registered against the key field with which it should overlap most, and against the last frame. Key fields
form a sparse map: where the stage returns, the frame snaps to the old key field, and the drift since then is corrected.
When a frame matches nothing nearby, all known places are searched, so a jump back to known ground is recognised. Only a
frame that matches none of them begins a new region; when that region later meets known ground, the two are joined.

A slide pushed by hand rotates slowly. Each frame's rotation against its key field is measured at the shift found, and
accumulated from key field to key field; an angle that is not significant is taken as 0. The next frame is rotated back
by the last one's angle before it is compared, so that shifts are in slide coordinates and a rotated return is still
recognised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.counting.mapping.correlation import MIN_OVERLAP, Shift, View, shift_between, view_of
from hemato_edge.counting.mapping.keyfields import MAX_KEY_FIELDS, KeyField, KeyFields
from hemato_edge.counting.mapping.rotation import moved, moved_and_turned, remembered, rotated, significant
from hemato_edge.counting.mapping.slide_map import Joined, Move, note, relaxed
from hemato_edge.values import Pose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.counting.mapping.pictures import Pictures
    from hemato_edge.counting.mapping.registration_input import RegistrationInput

MIN_CONFIDENCE = 0.6
"""Minimum agreement of a frame with its neighbours. Measured with `benchmarks/registration.py`: true shifts of real
fields, dimmed and with noise, gave 0.73 and more at 40 % overlap; different fields 0.53 and less."""
SURE_CONFIDENCE = 0.75
"""Minimum agreement where every place on the slide is searched, or where the overlap is small: many comparisons agree
by chance more often than one."""
LITTLE_OVERLAP = 0.4
KEY_OVERLAP = 0.7
"""A new key field is made where the overlap with the nearest one is below this share."""
SEARCH_STEP = 0.1
"""A region not yet joined to known ground searches for it whenever the stage has moved by this share of a frame."""
JOIN_CANDIDATES = 12
"""Number of key fields compared in full there: at first the overlap is small and thumbnails hardly show it."""
MEASURED_EVERY = 3
"""Against one key field, the angle is measured in every third frame: a slide rotates slowly, and measuring takes a
fifth of the time of registration and ledger."""
TURNING_DEGREES = 0.15
"""After a larger change, the next frame's angle is measured, too."""
ALIKE = 0.9
"""Below this agreement of frame and key field, the angle is measured at once: 1° reduces agreement to this."""
_LINKS = 3


class Registration:
    """Determines the pose of each frame on a moving stage.

    Args:
        min_confidence: see `MIN_CONFIDENCE`.
        most_key_fields: bounds the memory.
        pictures: see `KeyFields`.

    Attributes:
        lost: how often tracking was lost and a new region began.
        found_again: how often a frame that matched nothing nearby was relocalised at once.
        rejoined: how many regions were joined to another one later.
        joined: regions joined since `take_changes` was last called.
        moves: moves of key fields since then.
    """

    def __init__(
        self,
        min_confidence: float = MIN_CONFIDENCE,
        most_key_fields: int = MAX_KEY_FIELDS,
        pictures: Pictures | None = None,
    ) -> None:
        self._min_confidence = min_confidence
        self.key_fields = KeyFields(most_key_fields, pictures)
        self._region, self._regions = -1, 0
        self._key: KeyField | None = None
        self._last: View | None = None
        self._here, self._angle, self._unmeasured = np.zeros(2), 0.0, MEASURED_EVERY
        self._searched_at = np.full(2, np.inf)
        self._gap = False
        self.lost = self.found_again = self.rejoined = 0
        self.joined: list[Joined] = []
        self.moves: list[Move] = []

    def locate(self, sight: RegistrationInput) -> Pose:
        """The pose of a frame; frames must come in the order in which they were taken."""
        view = view_of(sight, significant(self._angle))
        confidence = None if self._gap else self._track(view)
        self._gap = False
        if confidence is None:
            confidence = self._recognise(view)
        if confidence is None:
            self.lost += self._region >= 0
            self._start(view)
            confidence = 1.0
        else:
            self._look_for_known_ground(view)
            self._map(view)
        return self._pose(confidence)

    def follow(self, sight: RegistrationInput) -> Pose | None:
        """The pose of a frame that will not be counted, or None where it matches nothing nearby.

        A blurred frame still shows how far the stage moved: without it, tracking would be lost where the slide is out
        of focus. It becomes no key field, and starts no region.
        """
        if self._gap:
            return None
        confidence = self._track(view_of(sight, significant(self._angle)))
        return None if confidence is None else self._pose(confidence)

    def gap(self) -> None:
        """Frames are missing before the next one; the stage may be anywhere.

        The next frame is compared with all known ground, at the confidence required of a jump; else it starts a region.
        """
        self._gap = True

    def take_changes(self) -> tuple[list[Joined], list[Move]]:
        """Changes to the map since the last call, in the order in which they must be applied."""
        changes = self.joined, self.moves
        self.joined, self.moves = [], []
        return changes

    def _pose(self, confidence: float) -> Pose:
        return Pose(self._region, float(self._here[0]), float(self._here[1]), confidence, significant(self._angle))

    def _track(self, view: View) -> float | None:
        """Compare a frame with the current key field, the last frame, and the key fields around."""
        if self._key is None:
            return None
        found = self._against_key(self._key, view)
        last = self._last
        again = last is self.key_fields.view(self._key)  # that has been compared just now
        if found is None and last is not None and not again and last.grey.shape == view.grey.shape:
            shift = shift_between(last, view)
            if self._fits(shift):
                apart, self._angle = moved_and_turned(last, self._angle, view, shift)
                self._here = self._here + apart
                found = shift.agreement
        if found is None:
            found = self._around(view)
        if found is not None:
            self._last = view
        return found

    def _against_key(self, key: KeyField, view: View, least: float = 0.0) -> float | None:
        shift = self.key_fields.compare(key, view)
        if shift is None or not self._fits(shift) or shift.agreement < least:
            return None
        former, self._key, self._region = self._key, key, key.region
        self._unmeasured += 1
        alike = shift.agreement >= ALIKE and shift.overlap > KEY_OVERLAP + 0.02  # else it may become a key field
        if key is former and self._unmeasured < MEASURED_EVERY and alike:
            apart = moved(self.key_fields.view(key), key.angle, view, shift)
        else:
            before = self._angle
            apart, self._angle = moved_and_turned(self.key_fields.view(key), key.angle, view, shift)
            self._unmeasured = 0 if abs(self._angle - before) < TURNING_DEGREES else MEASURED_EVERY
        self._here = np.array([key.x, key.y]) + apart
        self.key_fields.use(key)
        return shift.agreement

    def _around(self, view: View) -> float | None:
        extent = _extent(view)
        for key in self.key_fields.near(self._region, self._here, extent)[:_LINKS]:
            found = None if key is self._key else self._against_key(key, view)
            if found is not None:
                return found
        return None

    def _fits(self, shift: Shift) -> bool:
        demanded = self._min_confidence
        if shift.overlap < LITTLE_OVERLAP:
            demanded = max(demanded, SURE_CONFIDENCE)
        return shift.agreement >= demanded and shift.overlap >= MIN_OVERLAP

    def _recognise(self, view: View) -> float | None:
        """Search all known places: the stage has jumped, or the slide was moved back."""
        for key in self.key_fields.search(view, [*self.key_fields.of_region(self._region),
                                                 *self.key_fields.others(self._region)]):  # fmt: skip
            found = self._against_key(key, view, SURE_CONFIDENCE)
            if found is not None:
                self._last = view
                self.found_again += 1
                return found
        return None

    def _look_for_known_ground(self, view: View) -> None:
        """Compare a frame with the key fields of other regions."""
        others = self.key_fields.others(self._region)
        share = np.abs(self._here - self._searched_at) / _extent(view)
        if not others or (share < SEARCH_STEP).all():
            return
        self._searched_at = self._here
        for key in self.key_fields.search(view, others, JOIN_CANDIDATES):
            here, angle, region, current = self._here, self._angle, self._region, self._key
            if self._against_key(key, view, SURE_CONFIDENCE) is not None:
                self._join(region, here, angle, current, _extent(view))
                return

    def _join(
        self, region: int, here: NDArray[np.float64], angle: float, former: KeyField | None, extent: tuple[float, float]
    ) -> None:
        """The frame at `here` of `region` lies in the current region, too: merge the newer region into the older."""
        into, there, turn = self._region, self._here, significant(self._angle - angle)
        if region < into:  # the older one goes on
            region, into, here, there, turn = into, region, there, here, -turn
            self._here, self._angle = there, angle
        middle = np.asarray(extent) / 2
        offset = there + middle - np.array(rotated(float(here[0] + middle[0]), float(here[1] + middle[1]), turn))
        for key in self.key_fields.of_region(region):
            x, y = rotated(key.x + float(middle[0]), key.y + float(middle[1]), turn)
            key.region, key.angle = into, key.angle + turn
            key.x, key.y = x + float(offset[0] - middle[0]), y + float(offset[1] - middle[1])
            key.links = {number: rotated(*link, turn) for number, link in key.links.items()}
        self._region = into
        self._link(self._key, former)
        self.joined.append(Joined(region, into, float(offset[0]), float(offset[1]), turn))
        self.rejoined += 1

    def _start(self, view: View) -> None:
        self._regions += 1
        self._region = self._regions - 1
        self._here = np.zeros(2)
        self._key = self.key_fields.add(view, self._region, 0.0, 0.0, self._angle)
        self._last = view
        self._searched_at = np.full(2, np.inf)
        self._unmeasured = MEASURED_EVERY

    def _map(self, view: View) -> None:
        """Switch to the nearest key field; make one where there is none."""
        width, height = _extent(view)
        near = self.key_fields.near(self._region, self._here, (width, height))
        if not near or self._key is None:
            return
        nearest = near[0]
        share = max(0.0, 1 - abs(nearest.x - self._here[0]) / width) * max(
            0.0, 1 - abs(nearest.y - self._here[1]) / height
        )
        if share >= KEY_OVERLAP:
            if nearest is not self._key:
                former, before, angle = self._key, self._here, self._angle
                if self._against_key(nearest, view) is not None:
                    self._link(nearest, former, before - self._here, angle - self._angle)
            return
        key = self.key_fields.add(
            view, self._region, float(self._here[0]), float(self._here[1]), remembered(self._angle)
        )
        for other in near[:_LINKS]:
            shift = self.key_fields.compare(other, view)
            if shift is not None and self._fits(shift):
                apart, angle = moved_and_turned(self.key_fields.view(other), other.angle, view, shift)
                note(other, key, (float(apart[0]), float(apart[1])), angle - other.angle)
        self._key = key
        self._relax(key)

    def _link(
        self,
        key: KeyField | None,
        former: KeyField | None,
        drift: NDArray[np.float64] | None = None,
        turned: float = 0.0,
    ) -> None:
        """Two key fields were seen from one frame: record their displacement, and distribute the drift."""
        if key is None or former is None or key is former or former.number in key.links:
            return
        off = np.zeros(2) if drift is None else drift
        apart = key.x - former.x + float(off[0]), key.y - former.y + float(off[1])
        note(former, key, apart, key.angle - former.angle + turned)
        self._relax(key)

    def _relax(self, key: KeyField) -> None:
        before, angle = np.array([key.x, key.y]), key.angle
        moves = relaxed(key, self.key_fields)
        self.moves += moves
        self._angle += key.angle - angle
        if moves:
            self._here = self._here + np.array([key.x, key.y]) - before


def _extent(view: View) -> tuple[float, float]:
    """Width and height of the frame, pixels."""
    height, width = view.grey.shape
    return width * view.scale, height * view.scale
