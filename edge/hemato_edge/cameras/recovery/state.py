"""State of a camera: four states, their transitions, and the reasons."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

CHANGES_KEPT = 64
"""Number of state changes kept; all are counted in the tallies."""
TALLY = "camera:"
"""Prefix of a camera's tallies."""
_QUIET_S = 2.0
"""A live camera whose last frame is older than this reports so."""


class CameraState(str, Enum):
    """State of a camera."""

    LIVE = "live"
    """New frames arrive."""
    STALLED = "stalled"
    """No new frames, for a reason that may pass by itself."""
    RECOVERING = "recovering"
    """It is being reopened."""
    FAILED = "failed"
    """Several attempts failed. They continue at growing intervals."""


class Fault(str, Enum):
    """Detected faults."""

    FROZEN = "frozen"
    BLACK = "black"
    HANG = "hang"
    WRONG_SIZE = "wrong_size"
    DISCONNECTED = "disconnected"
    NO_FRAME = "no_frame"
    CRASHED = "crashed"
    CANNOT_OPEN = "cannot_open"


WORDS = {
    Fault.FROZEN: "it repeats its last picture",
    Fault.BLACK: "its picture is black or of one flat colour",
    Fault.HANG: "its driver does not answer",
    Fault.WRONG_SIZE: "its frames have another size than before",
    Fault.DISCONNECTED: "its device is gone",
    Fault.NO_FRAME: "it gives no frames",
    Fault.CRASHED: "the process that reads it has died",
    Fault.CANNOT_OPEN: "it cannot be opened",
}
_WAYS = {
    CameraState.LIVE: {CameraState.STALLED},
    CameraState.STALLED: {CameraState.LIVE, CameraState.RECOVERING},
    CameraState.RECOVERING: {CameraState.LIVE, CameraState.FAILED},
    CameraState.FAILED: {CameraState.LIVE},
}


@dataclass(frozen=True, slots=True)
class Change:
    """One change of state.

    Attributes:
        state: the new one.
        fault: why; for `LIVE`, the fault that is over. None only at the beginning.
        words: description for the user.
        utc, monotonic_s: when.
        lasted_s: duration of the previous state, seconds.
    """

    state: CameraState
    fault: Fault | None
    words: str
    utc: datetime
    monotonic_s: float
    lasted_s: float


class CameraHealth:
    """The state machine of one camera. One thread changes it, any may read it.

    Args:
        name: of the camera, for the log.
        tell: called with every change, in the thread that reads the camera; must be quick.
    """

    def __init__(self, name: str, tell: Callable[[Change], None] | None = None) -> None:
        self.name = name
        self.tries = 0
        """Attempts to reopen it since it was last live for a while."""
        self.changed = 0
        """Number of state changes so far."""
        self._tell = tell
        self._lock = threading.Lock()
        now = time.monotonic()
        self._last = Change(CameraState.LIVE, None, "", datetime.now(timezone.utc), now, 0.0)
        self._changes: deque[Change] = deque(maxlen=CHANGES_KEPT)
        self._good_s = now
        self._counts: Counter[str] = Counter()
        self._withheld: Counter[str] = Counter()

    @property
    def state(self) -> CameraState:
        """The current state."""
        return self._last.state

    @property
    def fault(self) -> Fault | None:
        """Why it is not live; None while it is."""
        return None if self.state is CameraState.LIVE else self._last.fault

    @property
    def changes(self) -> list[Change]:
        """The latest changes, oldest first."""
        with self._lock:
            return list(self._changes)

    def good_frame(self) -> None:
        """Record a delivered frame."""
        self._good_s = time.monotonic()

    def withhold(self, fault: Fault) -> None:
        """Record a withheld frame."""
        self._withheld[fault.value] += 1

    def to(self, state: CameraState, fault: Fault, words: str) -> None:
        """Change the state.

        Raises:
            ValueError: there is no such transition from the current state.
        """
        if state not in _WAYS[self.state]:
            msg = f"a camera does not go from {self.state.value} to {state.value}"
            raise ValueError(msg)
        now = time.monotonic()
        change = Change(state, fault, words, datetime.now(timezone.utc), now, now - self._last.monotonic_s)
        with self._lock:
            self._count(change)
            self._last = change
            self._changes.append(change)
            self.changed += 1
        level = logging.INFO if state is CameraState.LIVE else logging.WARNING
        _log.log(level, "camera %s: %s (%s): %s", self.name, state.value, fault.value, words)
        if self._tell is not None:
            self._tell(change)

    def tallies(self) -> dict[str, int]:
        """Counts for the session's record, by name; they only change with the state, to spare the SD card.

        "camera:STATE" is how often it was entered, "camera:FAULT" how often that fault interrupted the frames, and
        "camera:withheld_FAULT" how many frames were withheld because of it.
        """
        with self._lock:
            return {TALLY + name: count for name, count in self._counts.items()}

    def status_line(self) -> str:
        """The state in one line, for the table, the service's status and the log."""
        change, now = self._last, time.monotonic()
        if change.state is CameraState.LIVE or change.fault is None:
            quiet = now - self._good_s
            return "live" if quiet < _QUIET_S else f"live, no frame for {quiet:.0f} s"
        tries = f", tries {self.tries}" if self.tries else ""
        return f"{change.state.value} for {now - self._good_s:.0f} s: {WORDS[change.fault]}{tries}"

    def _count(self, change: Change) -> None:
        self._counts[change.state.value] += 1
        if change.state is CameraState.STALLED and change.fault is not None:
            self._counts[change.fault.value] += 1
        for fault, count in self._withheld.items():
            self._counts[f"withheld_{fault}"] = count
