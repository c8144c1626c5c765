"""The daemon: capture, analysis and writing, each in its own thread, with short queues between them.

A live camera never waits: when the analysis is behind, the oldest waiting frame is dropped, and counted. Files and the
demo wait. What the caller is shown are totals that the writer has committed; nothing else.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hemato_edge.errors import CameraError, HematoEdgeError
from hemato_edge.pipeline.running.analysis import Analysis
from hemato_edge.pipeline.running.capture import Capture
from hemato_edge.pipeline.running.clock_watch import ClockWatch
from hemato_edge.pipeline.running.notify import Watchdog
from hemato_edge.pipeline.running.recorder import Recorder, record_results
from hemato_edge.pipeline.running.run_state import POLL_S, Ending, RunState, Tallies

if TYPE_CHECKING:
    import queue
    import threading
    from collections.abc import Callable, Iterator

    from hemato_edge.cameras.recovery.guarded import GuardedCamera
    from hemato_edge.cameras.recovery.state import CameraHealth
    from hemato_edge.pipeline.field import FieldAnalyzer
    from hemato_edge.pipeline.running.run_state import Observer, Viewer
    from hemato_edge.pipeline.running.standby import Order
    from hemato_edge.store.records import Totals
    from hemato_edge.store.writer import Writer
    from hemato_edge.values import Frame
    from hemato_edge.vision.quality import QualityGate

_log = logging.getLogger(__name__)
SLOW_END_S = 5.0
"""After this long an end that waits for the disk says what is not there yet."""
STOP_WAIT_S = 2.0
"""How long the end of a run waits for a live camera's last read; a service has to be gone within 5 s."""
MODELS_READY = "the models are loaded and verified"
CAMERA_OPEN = "the camera is open"
"""Lines of the log (`-v`), once a run each, by which its start is timed; see also `committer.FIRST_CELLS`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a run ends by itself; None: never for that reason.

    Attributes:
        leukocytes: classified white cells to reach.
        frames: frames to read.
        duration_s: seconds to run.
    """

    leukocytes: int | None = None
    frames: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: what is on disk, and in words why it stopped."""

    totals: Totals
    reason: str


class Hold(Protocol):
    """What a run waits for between the opening of its camera and its session."""

    def attend(self, frames: queue.Queue[Frame], *, live: bool, over: Callable[[], bool]) -> Order | None:
        """Wait, in the thread that runs the daemon; None if the run is over before a session was ordered."""


class Daemon:
    """Runs one session from the first frame to the end.

    Args:
        camera: not yet open; it is opened and closed in the capture thread, and brought back when it fails.
        analyzer: of a fresh session.
        writer: an open store; None if `begin` opens it and sets `writer`.
        begin: starts the session in that store and returns its number. Called once, when the camera is open, so that a
            camera that cannot be opened leaves no empty session behind.
        limits: when to stop.
        observer: told of each frame; None: nobody is.
        watchdog: who is told of progress; None: nobody.
        viewer: shown each frame; None: nobody.
        hold: waited for before the session begins; None: it begins at once. Frames read by then are not counted.

    Attributes:
        session: its number in the store; None before it has begun.
        writer: the open store; `begin` may set it.
    """

    def __init__(
        self,
        camera: GuardedCamera,
        analyzer: FieldAnalyzer,
        writer: Writer | None,
        begin: Callable[[], int],
        limits: Limits,
        observer: Observer | None = None,
        watchdog: Watchdog | None = None,
        viewer: Viewer | None = None,
        hold: Hold | None = None,
    ) -> None:
        self.session: int | None = None
        self.writer = writer
        self._camera = camera
        self._analyzer = analyzer
        self._begin = begin
        self._duration_s = limits.duration_s
        self._hold = hold
        self._run = RunState(Ending(self._interrupt), Tallies(camera), watchdog or Watchdog(), observer, viewer)
        self._capture = Capture(camera, limits.frames, self._run)
        self._analysis = Analysis(analyzer, self._capture, limits.leukocytes, self._run)
        self._recorder: Recorder | None = None

    @property
    def totals(self) -> Totals | None:
        """What is on disk; None before the first commit."""
        return None if self._recorder is None else self._recorder.totals

    @property
    def tallies(self) -> dict[str, int]:
        """The tallies that are on disk, by name."""
        return {} if self._recorder is None else self._recorder.tallies

    @property
    def camera_health(self) -> CameraHealth:
        """How the camera is doing."""
        return self._camera.health

    @property
    def camera_name(self) -> str:
        """What is looked through."""
        return self._camera.name

    @property
    def target(self) -> int | None:
        """White cells to classify; None for no end."""
        return self._analysis.target

    @property
    def stopping(self) -> bool:
        """Whether the run is being ended."""
        return self._run.ending.asked

    def stop(self, reason: str) -> None:
        """Ask the run to end in order: the field at work is finished and committed. Safe in a signal handler."""
        self._run.ending.ask(reason)

    def note(self, what: str) -> None:
        """Record with the session that `what` happened, as a tally of that name: the number of frames read by then."""
        self._run.tallies.note(what)

    def use_gate(self, gate: QualityGate) -> None:
        """Judge frames by another gate from the next one on."""
        self._analysis.use_gate(gate)

    def current_tallies(self) -> dict[str, int]:
        """The tallies of this moment, those not committed yet among them. Safe in any thread."""
        return self._run.tallies.now()

    def run(self, show: Callable[[Totals], None] | None = None, every_s: float = 0.25) -> Outcome:
        """Run to the end, in the calling thread; `show` is called with committed totals every `every_s` seconds.

        Raises:
            HematoEdgeError: of the camera, the model or the store, after what was counted has been committed.
        """
        _log.info(MODELS_READY)
        ending = self._run.ending
        self._capture.holding = self._hold is not None
        capture = ending.start("capture", self._capture.work, self._capture.done)
        try:
            recorder = self._begun()
        except HematoEdgeError:
            ending.ask("an error")  # lets the capture thread close the camera
            capture.join(STOP_WAIT_S)  # whoever begins anew finds it closed
            raise
        self._run.watchdog.started(recorder.totals)
        analysis = ending.start("analysis", self._analysis.work, self._analysis.done)
        writer = ending.start(
            "writer",
            lambda: record_results(recorder, self._analysis, self._camera.health, self._run),
            self._analysis.taker_gone,
        )
        for _ in self._turns((analysis, writer), every_s):
            if show is not None:
                show(recorder.totals)
        # a capture thread that hangs in its driver is left behind: it cannot be ended, and it holds no count
        capture.join(min(self._camera.read_timeout_s, STOP_WAIT_S))
        ending.raise_what_failed()
        return Outcome(recorder.totals, ending.reason or "the camera has no more frames")

    def _begun(self) -> Recorder:
        """Wait for the camera, and for the order where the run is held; then begin the session."""
        self._await_camera()
        _log.info(CAMERA_OPEN)
        self._await_order()
        self.session = self._begin()
        if self.writer is None:
            msg = "`begin` has opened no store"
            raise ValueError(msg)
        self._recorder = Recorder(self.writer, self.session, self._analyzer, self._run.watchdog)
        return self._recorder

    def _await_camera(self) -> None:
        """Wait until the camera is open; raises what kept it from that."""
        ending, opened = self._run.ending, self._capture.opened
        while not opened.wait(POLL_S):
            if self._capture.done.is_set() or ending.asked:
                break
        ending.raise_what_failed()
        if not opened.is_set():
            raise CameraError(f"Ended before {self._camera.name} gave a frame: {ending.reason}.")

    def _await_order(self) -> None:
        """Wait until a session is ordered, where the run is held; what was read by then is in no count."""
        if self._hold is None:
            return
        ending, capture = self._run.ending, self._capture
        order = self._hold.attend(
            capture.waiting, live=self._camera.live, over=lambda: ending.asked or capture.exhausted
        )
        ending.raise_what_failed()
        if order is None:
            raise CameraError(f"Ended before a session was started: {ending.reason}.")
        self._run.tallies.clear()
        capture.holding = False
        self._analysis.target = order.target

    def _turns(self, threads: tuple[threading.Thread, ...], every_s: float) -> Iterator[None]:
        """Look after the run every `every_s` seconds until both threads are over; each turn yields."""
        ending, watchdog = self._run.ending, self._run.watchdog
        started = stopping = time.monotonic()
        clock, told = ClockWatch(self.note), False
        while any(thread.is_alive() for thread in threads):
            threads[-1].join(every_s)
            clock.look()
            now = time.monotonic()
            if self._duration_s is not None and now - started >= self._duration_s:
                ending.ask(f"{self._duration_s:g} s are over")
            if self.writer is not None and self.writer.blocked:
                watchdog.locked_out()
            if ending.asked:
                watchdog.stopping(ending.reason)
                if not told and now - stopping >= SLOW_END_S:
                    told = self._tell_what_is_missing()
            else:
                stopping = now
            yield

    def _tell_what_is_missing(self) -> bool:
        """Log what an end that takes long waits for."""
        missing = self._analysis.waiting + (0 if self._recorder is None else self._recorder.at_work)
        _log.warning("ending: %d fields are not yet on disk, which is slow; the counts shown are", missing)
        return True

    def _interrupt(self) -> None:
        """End every wait for the camera and for the store's lock."""
        if self.writer is not None:
            self.writer.hurry()
        self._camera.interrupt()
