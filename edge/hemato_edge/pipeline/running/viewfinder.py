"""The viewfinder: the newest frame with what is known of it, for whoever looks on. Encoded only when asked for.

The run tells it of each frame by one assignment; a picture is made in the thread that asks. Nobody asks: nothing is
encoded, and no mark is looked up. Marks cost as much as a picture, and frames may come many times faster than pictures
are asked for: they are looked up for a frame that somebody waits for, and who asks is given such a frame.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hemato_edge.counting.confirmation import COUNTED as CELL_COUNTED
from hemato_edge.counting.confirmation import TRIED
from hemato_edge.labels import KINDS, UNCLASSIFIED
from hemato_edge.values import FieldResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hemato_edge.counting.ledger import Sighted
    from hemato_edge.values import Frame, Image, Pose, Quality

WATCHED_S = 2.0
"""So long after the last question somebody still counts as looking on."""
LONGEST_WAIT_S = 3.0
"""So long a question waits for a newer picture."""
_FIRST_WAIT_S = 0.4
JPEG_QUALITY = 75
SIZES_KEPT = 2
"""Encoded sizes of the newest frame that are kept, for several who look on."""
COUNTED, KNOWN_GROUND, ATTENDING = "counted", "known_ground", "attending"
"""Verdicts beside the quality gate's reasons: it added something or could have; nothing new is there; not counting."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A cell that the ledger knows, where it lies in the frame.

    Attributes:
        x, y: centre, pixels of the frame.
        size: geometric mean of its box's sides, pixels.
        kind: one of `labels.KINDS`.
        state: "tried", "counted", "doubt" (counted, and no class named) or "refused".
        label: what it was named; empty while it is not.
        number: unique in the session.
    """

    x: float
    y: float
    size: float
    kind: str
    state: str
    label: str
    number: int

    @staticmethod
    def of(sighted: Sighted) -> Mark:
        """What is shown of a cell of the ledger, as it is now."""
        cell = sighted.cell
        state = "tried" if cell.state == TRIED else "counted" if cell.state == CELL_COUNTED else "refused"
        state = "doubt" if cell.label == UNCLASSIFIED else state
        return Mark(sighted.x, sighted.y, cell.size, KINDS[cell.kind], state, cell.label, cell.number)

    def told(self) -> list[object]:
        """[x, y, size, kind, state, label, number], rounded, for JSON."""
        return [round(self.x), round(self.y), round(self.size), self.kind, self.state, self.label, self.number]


@dataclass(frozen=True, slots=True)
class Sight:
    """One frame and what is known of it.

    Attributes:
        seq: counts from 1.
        frame: as it was read.
        verdict: `COUNTED`, `KNOWN_GROUND`, `ATTENDING`, or the gate's reason why not.
        marks: cells in it.
        measures: what the quality gate measured.
        pose: where it lies; None where that is not known.
        marked: whether the marks were looked up.
    """

    seq: int
    frame: Frame
    verdict: str
    marks: Sequence[Mark] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    pose: Pose | None = None
    marked: bool = True

    def told(self) -> dict[str, Any]:
        """What goes along with the picture; serialisable as JSON."""
        height, width = self.frame.image.shape[:2]
        pose = self.pose
        return {
            "seq": self.seq,
            "age_ms": round(1000 * (time.monotonic() - self.frame.monotonic_s)),
            "width": width,
            "height": height,
            "verdict": self.verdict,
            "marks": [mark.told() for mark in self.marks],
            "measures": {name: round(value, 4) for name, value in self.measures.items() if np.isfinite(value)},
            "pose": None if pose is None else [pose.region, round(pose.x_px), round(pose.y_px)],
        }


class Viewfinder:
    """Keeps the newest sight. `show` is called in one thread; all else from any."""

    def __init__(self) -> None:
        self._newest: Sight | None = None
        self._asked_s = float("-inf")
        self._came = threading.Condition()
        self._encoding = threading.Lock()
        self._encoded: dict[tuple[int, int], bytes] = {}
        self._seq = 0
        self._waiting = 0
        self._closed = False
        self.pictures = 0
        """Pictures that were encoded."""

    @property
    def watched(self) -> bool:
        """Whether somebody looks on."""
        return time.monotonic() - self._asked_s < WATCHED_S

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for the next frame at this moment."""
        return self._waiting > 0

    @property
    def newest(self) -> Sight | None:
        """The newest sight; None before the first frame."""
        return self._newest

    def analysed(self, frame: Frame, result: FieldResult | Quality, marks: Sequence[Sighted] | None) -> None:
        """A frame that was counted, or rejected; see `daemon.Viewer`."""
        if not isinstance(result, FieldResult):
            self.show(frame, result.reject or COUNTED, (), result.measures)
            return
        verdict = COUNTED if any(result.seen.values()) or result.new_cells else KNOWN_GROUND
        drawn = None if marks is None else [Mark.of(one) for one in marks]
        self.show(frame, verdict, drawn, result.quality.measures, result.pose)

    def show(
        self,
        frame: Frame,
        verdict: str,
        marks: Sequence[Mark] | None = (),
        measures: Mapping[str, float] | None = None,
        pose: Pose | None = None,
    ) -> None:
        """A newer frame. Its pixels must not be changed afterwards; marks that are None were not looked up."""
        self._seq += 1
        self._newest = Sight(self._seq, frame, verdict, marks or (), measures or {}, pose, marks is not None)
        if self._waiting:
            with self._came:
                self._came.notify_all()

    def wait(self, after: int, timeout_s: float = LONGEST_WAIT_S) -> Sight | None:
        """The newest sight as soon as its number is over `after`; None if none came in time.

        Who asks waits for a frame whose marks were looked up; the first who asks takes another one, if none comes soon.
        """
        now = time.monotonic()
        deadline, patient_until = now + timeout_s, now + _FIRST_WAIT_S
        with self._came:
            self._waiting += 1
            try:
                while not self._closed:
                    self._asked_s = now = time.monotonic()
                    sight, patient = self._newest, after or now < patient_until
                    if sight is not None and sight.seq > after and (sight.marked or not patient):
                        return sight
                    if now >= deadline:
                        return None
                    self._came.wait(min(deadline - now, _FIRST_WAIT_S))
            finally:
                self._waiting -= 1
        return None

    def jpeg(self, sight: Sight, width: int) -> bytes:
        """The picture of a sight with a long side of `width` pixels at most; the same question costs once."""
        with self._encoding:
            key = (sight.seq, width)
            if key not in self._encoded:
                self._encoded = {k: v for k, v in self._encoded.items() if k[0] == sight.seq}
                while len(self._encoded) >= SIZES_KEPT:
                    del self._encoded[next(iter(self._encoded))]
                self._encoded[key] = encoded(sight.frame.image, width)
                self.pictures += 1
            return self._encoded[key]

    def close(self) -> None:
        """Let everybody go who waits."""
        with self._came:
            self._closed = True
            self._came.notify_all()


def encoded(image: Image, width: int) -> bytes:
    """A JPEG of the image, shrunk to a long side of `width` pixels at most.

    Args:
        image: (H, W, 3) uint8 BGR.
        width: pixels.
    """
    longest = max(image.shape[:2])
    if longest > width:
        height_px, width_px = image.shape[:2]
        size = (round(width_px * width / longest), round(height_px * width / longest))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])
