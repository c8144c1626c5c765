"""What the threads of a run share: how it ends, what is tallied, and who is told of its progress."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from hemato_edge.errors import HematoEdgeError
from hemato_edge.pipeline.running.notify import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hemato_edge.cameras.recovery.guarded import GuardedCamera
    from hemato_edge.counting.ledger import Sighted
    from hemato_edge.values import FieldResult, Frame, Quality

POLL_S = 0.1
"""How often a waiting thread looks whether the run ends."""


class Observer(Protocol):
    """Who looks on while frames go through, for measurements. Called in the daemon's threads: it must not wait."""

    def analysed(self, result: FieldResult | Quality) -> None:
        """A frame was analysed, or rejected."""

    def committed(self, result: FieldResult) -> None:
        """A field is on disk."""


class Viewer(Protocol):
    """Who is shown each frame, for a screen. Called in the analysis thread: it must not wait."""

    @property
    def awaited(self) -> bool:
        """Whether anybody waits for the next frame; if not, no marks are looked up."""

    def analysed(self, frame: Frame, result: FieldResult | Quality, marks: Sequence[Sighted] | None) -> None:
        """A frame was analysed, or rejected; `marks` are the known cells in it and where, None: not looked up."""


class Ending:
    """Whether and why a run ends. Any thread may ask for it, a signal handler too.

    Args:
        interrupt: ends what others wait for: the camera for a frame, the store for its lock.
    """

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.reason = ""
        self._interrupt = interrupt
        self._asked = threading.Event()
        self._error: BaseException | None = None

    @property
    def asked(self) -> bool:
        """Whether the run is to end."""
        return self._asked.is_set()

    def ask(self, reason: str) -> None:
        """Let the run end; the first reason stands."""
        if not self._asked.is_set():
            self.reason = reason
            self._asked.set()
            self._interrupt()

    def start(self, name: str, work: Callable[[], None], done: threading.Event) -> threading.Thread:
        """A thread for a part of the run. `done` is set when it is over; what goes wrong in it ends the run."""

        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - a crash of a thread must end the run, not hang it
                # a crash is raised rather than an error of ours; of each kind the first
                if self._error is None or isinstance(self._error, HematoEdgeError) > isinstance(error, HematoEdgeError):
                    self._error = error
                self.ask("an error")
            finally:
                done.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread

    def raise_what_failed(self) -> None:
        """Raise what went wrong in a thread."""
        if self._error is not None:
            raise self._error


class Tallies:
    """Counts of frames by name, to be recorded with the session. Safe in any thread.

    Args:
        camera: whose skipped frames and faults belong to them.
    """

    def __init__(self, camera: GuardedCamera) -> None:
        self._camera = camera
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str, count: int = 1) -> None:
        """Count one more."""
        with self._lock:
            self._counts[name] += count

    def note(self, what: str) -> None:
        """Keep under the name `what` how many frames were read by now."""
        with self._lock:
            self._counts[what] = self._counts["frames"]

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._counts.clear()

    @property
    def frames(self) -> int:
        """Frames read so far."""
        return self._counts["frames"]

    def take(self, counts: Mapping[str, int]) -> None:
        """Set counts that are kept elsewhere."""
        with self._lock:
            self._counts.update({name: count - self._counts[name] for name, count in counts.items()})

    def now(self) -> dict[str, int]:
        """All of this moment, the camera's among them."""
        with self._lock:
            counts = dict(self._counts)
        counts.update({f"skipped:{reason}": count for reason, count in self._camera.skipped.copy().items()})
        return counts | self._camera.health.tallies()


@dataclass(frozen=True, slots=True)
class RunState:
    """What the threads of one run share.

    Attributes:
        ending: whether and why it ends.
        tallies: of its frames.
        watchdog: told of progress.
        observer: told of each frame; None: nobody is.
        viewer: shown each frame; None: nobody is.
    """

    ending: Ending
    tallies: Tallies
    watchdog: Watchdog = field(default_factory=Watchdog)
    observer: Observer | None = None
    viewer: Viewer | None = None
