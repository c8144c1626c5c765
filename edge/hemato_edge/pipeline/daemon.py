"""The daemon: capture, analysis and writing, each in its own thread, with short queues between them.

A live camera never waits: when the analysis is behind, the oldest waiting frame is dropped, and counted. Files and the
demo wait. What the caller is shown are totals that the writer has committed; nothing else.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from hemato_edge.cameras.camera import EndOfFrames, NoFrameYet, OpenCamera
from hemato_edge.cameras.recovery.guarded import GuardedCamera
from hemato_edge.cameras.recovery.state import CameraState
from hemato_edge.errors import CameraError, HematoEdgeError
from hemato_edge.pipeline.committer import Recorder
from hemato_edge.pipeline.field import adds_something
from hemato_edge.pipeline.notify import Watchdog
from hemato_edge.values import FieldResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hemato_edge.cameras.camera import Camera
    from hemato_edge.counting.ledger import Sighted
    from hemato_edge.pipeline.attending import Order
    from hemato_edge.pipeline.field import FieldAnalyzer
    from hemato_edge.store.records import Totals
    from hemato_edge.store.writer import Writer
    from hemato_edge.values import Frame, Quality
    from hemato_edge.vision.quality import QualityGate

_log = logging.getLogger(__name__)
FRAMES_WAITING = 2
RESULTS_WAITING = 1
"""Fields that wait for the disk. A power cut takes this one, the one that is being written and the one at work; none of
them was shown. Where the disk is slower than the analysis, that waits, and frames are dropped, and counted."""
SLOW_END_S = 5.0
"""After this long an end that waits for the disk says what is not there yet."""
STOP_WAIT_S = 2.0
"""How long the end of a run waits for a live camera's last read; a service has to be gone within 5 s."""
MODELS_READY = "the models are loaded and verified"
CAMERA_OPEN = "the camera is open"
"""Lines of the log (`-v`), once a run each, by which its start is timed; see also `recorder.FIRST_CELLS`."""
_POLL_S = 0.1
_GRACE = 1.5
"""A read may take this many times its own limit before it counts as hung: the camera's own error says more."""


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


class Observer(Protocol):
    """Who looks on while frames go through, for measurements. Called in the daemon's threads: it must not wait."""

    def analysed(self, result: FieldResult | Quality) -> None:
        """A frame was analysed, or rejected."""

    def committed(self, result: FieldResult) -> None:
        """A field is on disk."""


class Viewer(Protocol):
    """Who is shown each frame, for a screen. Called in the analysis thread: it must not wait."""

    @property
    def watched(self) -> bool:
        """Whether anybody looks on; if not, no marks are looked up."""

    def analysed(self, frame: Frame, result: FieldResult | Quality, marks: Sequence[Sighted]) -> None:
        """A frame was analysed, or rejected; `marks` are the known cells in it and where."""


class Hold(Protocol):
    """What a run waits for between the opening of its camera and its session."""

    def attend(self, frames: queue.Queue[Frame], *, live: bool, over: Callable[[], bool]) -> Order | None:
        """Wait, in the thread that runs the daemon; None if the run is over before a session was ordered."""


class Daemon:
    """Runs one session from the first frame to the end.

    Args:
        camera: not yet open; it is opened and closed in the capture thread. A `GuardedCamera` is brought back when it
            fails; any other ends the run.
        analyzer: of a fresh session.
        writer: an open store; None if `begin` opens it and sets `writer`.
        begin: starts the session in that store and returns its number. Called once, when the camera is open, so that a
            camera that cannot be opened leaves no empty session behind.
        limits: when to stop.
        open_timeout_s, read_timeout_s: how long a live camera may take for its first and each further frame, seconds.
        observer: told of each frame; None: nobody is.
        watchdog: who is told of progress; None: nobody.
        viewer: shown each frame; None: nobody.
        hold: waited for before the session begins; None: it begins at once. Frames read by then are not counted.

    Attributes:
        session: its number in the store; None before it has begun.
        writer: the open store; `begin` may set it.
        camera_health: how a guarded camera is doing; None for any other.
    """

    def __init__(
        self,
        camera: Camera,
        analyzer: FieldAnalyzer,
        writer: Writer | None,
        begin: Callable[[], int],
        limits: Limits,
        open_timeout_s: float,
        read_timeout_s: float,
        observer: Observer | None = None,
        watchdog: Watchdog | None = None,
        viewer: Viewer | None = None,
        hold: Hold | None = None,
    ) -> None:
        self._camera = camera
        self._guard = camera if isinstance(camera, GuardedCamera) else None
        self.camera_health = None if self._guard is None else self._guard.health
        self._analyzer = analyzer
        self.writer = writer
        self._begin = begin
        self._limits = limits
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self._observer = observer
        self._watchdog = watchdog or Watchdog()
        self._viewer = viewer
        self._hold = hold
        self._holding = hold is not None
        self._frames: queue.Queue[Frame] = queue.Queue(FRAMES_WAITING)
        self._results: queue.Queue[FieldResult] = queue.Queue(RESULTS_WAITING)
        self._stop = threading.Event()
        self._captured = threading.Event()
        self._analysed = threading.Event()
        self._written = threading.Event()
        self._reason = ""
        self._error: HematoEdgeError | None = None
        self._crash: BaseException | None = None
        self._tallies: Counter[str] = Counter()
        self._tallies_lock = threading.Lock()
        self._alive_since = time.monotonic()
        self._opened = threading.Event()
        self._recorder: Recorder | None = None
        self.session: int | None = None

    @property
    def totals(self) -> Totals | None:
        """What is on disk; None before the first commit."""
        return None if self._recorder is None else self._recorder.totals

    @property
    def tallies(self) -> dict[str, int]:
        """The tallies that are on disk, by name."""
        return {} if self._recorder is None else self._recorder.tallies

    @property
    def camera_name(self) -> str:
        """What is looked through."""
        return self._camera.name

    @property
    def target(self) -> int | None:
        """White cells to classify; None for no end."""
        return self._limits.leukocytes

    @property
    def stopping(self) -> bool:
        """Whether the run is being ended."""
        return self._stop.is_set()

    def stop(self, reason: str) -> None:
        """Ask the run to end in order: the field at work is finished and committed. Safe in a signal handler."""
        if not self._stop.is_set():
            self._reason = reason
            self._stop.set()
            if self.writer is not None:
                self.writer.hurry()
            if self._guard is not None:
                self._guard.interrupt()

    def note(self, what: str) -> None:
        """Record with the session that `what` happened, as a tally of that name: the number of frames read by then."""
        with self._tallies_lock:
            self._tallies[what] = self._tallies["frames"]

    def use_gate(self, gate: QualityGate) -> None:
        """Judge frames by another gate from the next one on."""
        self._analyzer.gate = gate

    def run(self, show: Callable[[Totals], None] | None = None, every_s: float = 0.25) -> Outcome:
        """Run to the end, in the calling thread; `show` is called with committed totals every `every_s` seconds.

        Raises:
            HematoEdgeError: of the camera, the model or the store, after what was counted has been committed.
        """
        self._alive_since = time.monotonic()
        _log.info(MODELS_READY)
        capture = self._start("capture", self._capture, self._captured)
        try:
            self._await_camera(capture)
            _log.info(CAMERA_OPEN)
            self._await_order()
            self.session = self._begin()
            self._recorder = self._made_recorder(self.session)
        except HematoEdgeError:
            self.stop("an error")  # lets the capture thread close the camera
            raise
        self._watchdog.started(self._recorder.totals)
        analysis = self._start("analysis", self._analyse, self._analysed)
        writer = self._start("writer", self._write, self._written)
        started = stopping = time.monotonic()
        late = False
        while analysis.is_alive() or writer.is_alive():
            writer.join(every_s)
            self._watch(capture, started)
            if self.writer is not None and self.writer.blocked:
                self._watchdog.locked_out()
            if self._stop.is_set():
                self._watchdog.stopping(self._reason)
                late = late or self._say_what_is_missing(time.monotonic() - stopping)
            else:
                stopping = time.monotonic()
            if show is not None:
                show(self._recorder.totals)
        # A capture thread that hangs in its driver is left behind: it cannot be ended, and it holds no count.
        capture.join(0.0 if self._error and self._guard is None else min(self._read_timeout_s, STOP_WAIT_S))
        self._raise_what_failed()
        return Outcome(self._recorder.totals, self._reason or "the camera has no more frames")

    def _say_what_is_missing(self, waited_s: float) -> bool:
        """Whether the end has waited long enough for the disk to say so."""
        recorder = self._recorder
        if waited_s < SLOW_END_S or recorder is None:
            return False
        missing = recorder.at_work + self._results.qsize()
        _log.warning("ending: %d fields are not yet on disk, which is slow; the counts shown are", missing)
        return True

    def _start(self, name: str, step: Callable[[], None], done: threading.Event) -> threading.Thread:
        thread = threading.Thread(target=self._guarded, args=(step, done), name=name, daemon=True)
        thread.start()
        return thread

    def _await_camera(self, capture: threading.Thread) -> None:
        """Wait until the camera is open; raises what kept it from that."""
        while not self._opened.wait(_POLL_S):
            self._watch(capture, time.monotonic())
            if self._captured.is_set() or self._stop.is_set():
                break
        self._raise_what_failed()
        if not self._opened.is_set():
            raise CameraError(f"Ended before {self._camera.name} gave a frame: {self._reason}.")

    def _await_order(self) -> None:
        """Wait until a session is ordered, where the run is held; what was read by then is in no count."""
        if self._hold is None:
            return
        order = self._hold.attend(self._frames, live=self._camera.live, over=lambda: self._over)
        self._raise_what_failed()
        if order is None:
            raise CameraError(f"Ended before a session was started: {self._reason}.")
        with self._tallies_lock:
            self._tallies.clear()
            self._holding = False
        self._limits = replace(self._limits, leukocytes=order.target)

    @property
    def _over(self) -> bool:
        """Whether a held run cannot begin any more: it was stopped, or a live camera is gone for good."""
        return self._stop.is_set() or (self._captured.is_set() and self._frames.empty())

    def _made_recorder(self, session: int) -> Recorder:
        if self.writer is None:
            msg = "`begin` has opened no store"
            raise ValueError(msg)
        return Recorder(self.writer, session, self._analyzer, self._watchdog)

    def _raise_what_failed(self) -> None:
        if self._crash is not None:
            raise self._crash
        if self._error is not None:
            raise self._error

    def _guarded(self, step: Callable[[], None], done: threading.Event) -> None:
        """Run a thread's work; whatever goes wrong there is raised in `run`, not lost with the thread."""
        try:
            step()
        except HematoEdgeError as error:
            self._error = self._error or error
            self.stop("an error")
        except BaseException as error:  # noqa: BLE001 - a crash of a thread must end the run, not hang it
            self._crash = self._crash or error
            self.stop("an error")
        finally:
            done.set()

    def _watch(self, capture: threading.Thread, started: float) -> None:
        now = time.monotonic()
        limit = self._limits.duration_s
        if limit is not None and now - started >= limit:
            self.stop(f"{limit:g} s are over")
        if self._stop.is_set() or not self._camera.live or not capture.is_alive() or self._guard is not None:
            return
        allowed = self._read_timeout_s if self._opened.is_set() else self._open_timeout_s
        if now - self._alive_since > _GRACE * allowed:
            self._error = CameraError(
                f"{self._camera.name} gave no frame for {now - self._alive_since:.0f} s: its driver hangs.",
                "Unplug it and plug it in again, then start again; what was counted is stored.",
            )
            self.stop("an error")
            self._captured.set()

    def _tally(self, name: str, count: int = 1) -> None:
        with self._tallies_lock:
            self._tallies[name] += count

    def _take_tallies(self) -> None:
        with self._tallies_lock:
            self._tallies = Counter({**self._tallies, **self._analyzer.tallies()})

    def current_tallies(self) -> dict[str, int]:
        """The tallies of this moment, those not committed yet among them. Safe in any thread."""
        with self._tallies_lock:
            tallies = dict(self._tallies)
        tallies.update({f"skipped:{reason}": count for reason, count in self._camera.skipped.copy().items()})
        return tallies | ({} if self.camera_health is None else self.camera_health.tallies())

    def _capture(self) -> None:
        with OpenCamera(self._camera) as camera:
            self._alive_since = time.monotonic()
            self._opened.set()
            while not self._stop.is_set():
                taken = self._tallies["frames"]
                if self._limits.frames is not None and not self._holding and taken >= self._limits.frames:
                    self._reason = self._reason or f"{taken} frames were read"
                    return
                try:
                    frame = camera.read(self._read_timeout_s)
                except NoFrameYet:
                    if self.camera_health is not None and self.camera_health.state is not CameraState.LIVE:
                        self._watchdog.camera(self.camera_health.status_line())
                    continue
                except EndOfFrames:
                    return
                self._alive_since = time.monotonic()
                self._tally("frames")
                self._offer(frame, live=camera.live)

    def _offer(self, frame: Frame, *, live: bool) -> None:
        while not self._stop.is_set():
            try:
                self._frames.put(frame, timeout=0 if live else _POLL_S)
            except queue.Full:
                if live:
                    self._drop_oldest()
            else:
                return

    def _drop_oldest(self) -> None:
        try:
            self._frames.get_nowait()
        except queue.Empty:
            return
        self._tally("dropped")

    def _analyse(self) -> None:
        try:
            self._analyse_frames()
        finally:
            rest = self._analyzer.close()  # a stop or a failing camera takes no cell away that was seen
            self._take_tallies()
            if rest is not None:
                self._hand_over(rest)

    def _analyse_frames(self) -> None:
        while not self._stop.is_set():
            try:
                frame = self._frames.get(timeout=_POLL_S)
            except queue.Empty:
                if self._captured.is_set() and self._frames.empty():
                    return
                continue
            result = self._analyzer.analyze(frame)
            self._watchdog.analysed()
            self._take_tallies()
            if self._observer is not None:
                self._observer.analysed(result)
            if self._viewer is not None:
                self._viewer.analysed(frame, result, self._analyzer.on_view(result) if self._viewer.watched else ())
            if not isinstance(result, FieldResult):
                self._tally(f"rejected:{result.reject}")
                continue
            warning = self._analyzer.warning()
            if warning is not None:
                self._tally(f"warning:{warning}")
            if adds_something(result):
                self._hand_over(result)
            target = self._limits.leukocytes
            if target is not None and self._analyzer.leukocytes >= target:
                self.stop(f"the target of {target} white cells was reached")

    def _hand_over(self, result: FieldResult) -> None:
        """Give a result to the writer, also while the run is being stopped, unless the writer is gone."""
        self._watchdog.handed_over()
        while not self._written.is_set():
            try:
                self._results.put(result, timeout=_POLL_S)
            except queue.Full:
                continue
            return

    def _write(self) -> None:
        recorder, seen = self._recorder, 0
        if recorder is None:
            return
        try:
            while True:
                results = self._take_results()
                if not results:
                    if self._analysed.is_set() and self._results.empty():
                        return
                    changes = 0 if self.camera_health is None else self.camera_health.changed
                    if changes > seen or recorder.quiet:
                        recorder.record_tallies(self.current_tallies())
                        seen = changes
                    continue
                recorder.record_fields(results, self.current_tallies())
                if self._observer is not None:
                    for result in results:
                        self._observer.committed(result)
        finally:
            recorder.finish(self.current_tallies())

    def _take_results(self) -> list[FieldResult]:
        """All results that wait for the disk; none where none came for a while."""
        results: list[FieldResult] = []
        try:
            results.append(self._results.get(timeout=_POLL_S))
            while True:
                results.append(self._results.get_nowait())
        except queue.Empty:
            return results
