"""The first thread of a run: it reads the camera."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from hemato_edge.cameras.camera import EndOfFrames, NoFrameYet, OpenCamera
from hemato_edge.cameras.recovery.state import CameraState
from hemato_edge.pipeline.running.run_state import POLL_S

if TYPE_CHECKING:
    from hemato_edge.cameras.recovery.guarded import GuardedCamera
    from hemato_edge.pipeline.running.run_state import RunState
    from hemato_edge.values import Frame

FRAMES_WAITING = 2


class Capture:
    """Reads frames until there are no more, enough were read, or the run ends.

    Args:
        camera: not yet open; opened and closed in the thread that calls `work`.
        most: frames to read; None: without end.
        run: what it shares with the other threads.

    Attributes:
        opened: set when the camera is open.
        done: set when there will be no more frames.
        waiting: frames that nobody has taken yet.
        holding: whether frames are only looked at: then `most` does not count them.
    """

    def __init__(self, camera: GuardedCamera, most: int | None, run: RunState) -> None:
        self.opened, self.done = threading.Event(), threading.Event()
        self._camera = camera
        self._most = most
        self._run = run
        self.holding = False
        self.waiting: queue.Queue[Frame] = queue.Queue(FRAMES_WAITING)

    def next(self) -> Frame | None:
        """The oldest frame that waits; None if none came for a moment."""
        try:
            return self.waiting.get(timeout=POLL_S)
        except queue.Empty:
            return None

    @property
    def exhausted(self) -> bool:
        """Whether no frame waits and none will come."""
        return self.done.is_set() and self.waiting.empty()

    def work(self) -> None:
        """What the thread does."""
        ending, camera, tallies = self._run.ending, self._camera, self._run.tallies
        with OpenCamera(camera):
            self.opened.set()
            while not ending.asked:
                if self._most is not None and not self.holding and tallies.frames >= self._most:
                    ending.reason = ending.reason or f"{tallies.frames} frames were read"
                    return
                try:
                    frame = camera.read(camera.read_timeout_s)
                except NoFrameYet:
                    if camera.health.state is not CameraState.LIVE:
                        self._run.watchdog.camera(camera.health.status_line())
                    continue
                except EndOfFrames:
                    return
                tallies.add("frames")
                self._offer(frame)

    def _offer(self, frame: Frame) -> None:
        """Put a frame in line. A live camera never waits: the oldest one makes room."""
        live = self._camera.live
        while not self._run.ending.asked:
            try:
                self.waiting.put(frame, timeout=0 if live else POLL_S)
            except queue.Full:
                if live:
                    self._drop_oldest()
            else:
                return

    def _drop_oldest(self) -> None:
        try:
            self.waiting.get_nowait()
        except queue.Empty:
            return
        self._run.tallies.add("dropped")
