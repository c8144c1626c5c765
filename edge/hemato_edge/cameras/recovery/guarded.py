"""A camera that cannot lie: found out when it freezes, goes black, hangs or leaves, and brought back.

One thread, no timers. All waiting is bounded by the reader process, by `read`'s time limit, or by `interrupt`.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hemato_edge.cameras.camera import EndOfFrames, NoFrameYet, Noise
from hemato_edge.cameras.recovery.frozen import BLACK_S, FROZEN_S, NEARLY_FROZEN_S, Doubt, Liveness
from hemato_edge.cameras.recovery.state import WORDS, CameraHealth, CameraState, Fault
from hemato_edge.errors import CalibrationError, CameraError, CameraFault, HematoEdgeError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from hemato_edge.cameras.camera import Camera
    from hemato_edge.cameras.recovery.state import Change
    from hemato_edge.values import Frame


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is borne. All in seconds, except where the name says otherwise.

    Attributes:
        stalled_s: without a new frame, before that is called stalled.
        frozen_s, nearly_frozen_s, black_s: see `liveness`.
        wrong_size_s: frames of another size.
        first_wait_s: before the second try to open the camera again; the first comes at once, each further wait is
            twice as long.
        longest_wait_s: the longest of these waits.
        failed_tries: tries after which it is called failed.
        steady_s: how long it must be live for the tries to be forgotten: a camera that comes and goes is not tried
            faster and faster.
        settle_s: how long a camera that was opened again may give bad frames, while its exposure settles.
    """

    stalled_s: float = 1.0
    frozen_s: float = FROZEN_S
    nearly_frozen_s: float = NEARLY_FROZEN_S
    black_s: float = BLACK_S
    wrong_size_s: float = 1.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    failed_tries: int = 5
    steady_s: float = 10.0
    settle_s: float = 3.0

    def wait_s(self, tries: int) -> float:
        """How long to wait after so many tries, seconds."""
        return min(self.longest_wait_s, self.first_wait_s * 2 ** min(tries - 1, 30)) if tries else 0.0


class GuardedCamera:
    """Keeps the `Camera` protocol; its `read` raises `NoFrameYet` while there is no new frame to be had.

    A frame is handed out once. What is not new (the last picture again, black, another size) is withheld and counted.
    A source that is not live is passed through: it has an end, and what fails there fails for good. So does the first
    `open`: a camera that is not there at the start is a mistake that a person mends.

    Args:
        camera: what is guarded; not open. It must allow `open` after `close`.
        interrupt: ends what the camera is waiting for, from another thread; None if it cannot wait for long.
        patience: how long what is borne.
        tell: called with every change of state, in the reading thread.
        noise: what a frozen picture is told by; None for what the camera declares of itself.

    Attributes:
        health: the state machine.
        read_timeout_s: limit of one read of the camera, seconds; without a frame in that time it counts as hung.
    """

    def __init__(
        self,
        camera: Camera,
        interrupt: Callable[[], None] | None = None,
        patience: Patience | None = None,
        tell: Callable[[Change], None] | None = None,
        read_timeout_s: float = 5.0,
        noise: Noise | None = None,
    ) -> None:
        self.name, self.live, self.noise = camera.name, camera.live, camera.noise
        self.total_frames = camera.total_frames
        self.skipped: Counter[str] = camera.skipped
        self.health = CameraHealth(camera.name, tell)
        self.read_timeout_s = read_timeout_s
        self._camera = camera
        self._noise = noise
        self._interrupt = interrupt
        self._interrupted = threading.Event()
        self._patience = patience or Patience()
        self._liveness = Liveness(Noise.NONE)
        self._shape: tuple[int, ...] | None = None
        self._frames = self._stretch = self._proofs = 0
        self._good_s = self._live_since_s = self._due_s = 0.0
        self._open = False

    def open(self) -> None:
        """Open the camera; what it raises then is final."""
        try:
            self._camera.open()
        except EndOfFrames:
            raise CameraError(f"Ended before {self._camera.name} gave a frame.") from None
        self._open = True
        self.name = self.health.name = self._camera.name
        self.live, self.total_frames = self._camera.live, self._camera.total_frames
        self.noise = self._noise or self._camera.noise
        wait = self._patience
        self._liveness = Liveness(self.noise, wait.frozen_s, wait.nearly_frozen_s, wait.black_s)
        self._good_s = self._live_since_s = time.monotonic()
        self.health.good_frame()

    def read(self, timeout_s: float) -> Frame:
        """The next new frame.

        Args:
            timeout_s: the longest wait, except that an answer of the camera's driver is waited for as long as one may
                take (`read_timeout_s`, or the time to open it).

        Raises:
            NoFrameYet: if there was none. The camera is looked after; read again.
            EndOfFrames: after `interrupt`, and at the end of a source that is not live.
            HematoEdgeError: of a source that is not live.
        """
        if not self.live:
            return self._camera.read(self.read_timeout_s)
        until = time.monotonic() + timeout_s
        while not self._interrupted.is_set():
            if not self._open:
                self._reopen(until)
            elif (frame := self._try()) is not None:
                return frame
            if time.monotonic() >= until:
                raise NoFrameYet
        raise EndOfFrames

    def close(self) -> None:
        """Close the camera."""
        self._open = False
        self._camera.close()

    def interrupt(self) -> None:
        """End every wait, now and from now on; `read` then raises EndOfFrames. For any thread."""
        self._interrupted.set()
        if self._interrupt is not None:
            self._interrupt()

    def _try(self) -> Frame | None:
        """One read of the open camera: a new frame, or None."""
        try:
            frame = self._camera.read(self.read_timeout_s)
        except HematoEdgeError as error:
            if not self._interrupted.is_set():
                self._lose(_fault_of(error, Fault.NO_FRAME), str(error))
            return None
        self._frames += 1
        frame = replace(frame, index=self._frames - 1)
        doubt = self._doubt(frame)
        if doubt is not None:
            self._withhold(doubt)
            return None
        if self.health.state is not CameraState.LIVE and not self._proved():
            return None
        return self._hand_out(frame)

    def _doubt(self, frame: Frame) -> Doubt | None:
        if self._shape is not None and frame.image.shape != self._shape:
            return Doubt(Fault.WRONG_SIZE, self._patience.wrong_size_s)
        doubt = self._liveness.doubt(frame.image)
        if doubt is None:
            self._shape = frame.image.shape
        return doubt

    def _withhold(self, doubt: Doubt) -> None:
        """Keep a frame back, and lose patience in time."""
        self._proofs = 0
        self.health.withhold(doubt.fault)
        now = time.monotonic()
        if self.health.state is CameraState.LIVE and now - self._good_s > min(
            self._patience.stalled_s, doubt.patience_s
        ):
            self._stall(doubt.fault)
        if self.health.state is CameraState.STALLED:
            if now - self._good_s > doubt.patience_s:
                self._lose(doubt.fault, f"{WORDS[doubt.fault]}, for {now - self._good_s:.1f} s")
        elif self.health.state is not CameraState.LIVE and now >= self._due_s:
            self._lose(doubt.fault, WORDS[doubt.fault])

    def _proved(self) -> bool:
        """After a fault, a sensor's first picture is only what the next one must differ from."""
        self._proofs += 1
        return self._proofs > 1 or self.noise is Noise.NONE

    def _hand_out(self, frame: Frame) -> Frame:
        now = time.monotonic()
        if self.health.state is not CameraState.LIVE:
            fault = self.health.fault or Fault.NO_FRAME
            self.health.to(CameraState.LIVE, fault, f"frames come again after {now - self._good_s:.1f} s")
            self._stretch += 1
            self._live_since_s = now
        elif self.health.tries and now - self._live_since_s > self._patience.steady_s:
            self.health.tries = 0
        self._good_s = now
        self.health.good_frame()
        return replace(frame, stretch=self._stretch)

    def _stall(self, fault: Fault) -> None:
        if self.health.state is CameraState.LIVE:
            self.health.to(CameraState.STALLED, fault, WORDS[fault])

    def _lose(self, fault: Fault, words: str) -> None:
        """Give the camera up as it is: close it, and set the time of the next try to open it."""
        self._stall(fault)
        if self.health.state is CameraState.STALLED:
            self.health.to(CameraState.RECOVERING, fault, words)
        elif self.health.state is CameraState.RECOVERING and self.health.tries >= self._patience.failed_tries:
            self.health.to(CameraState.FAILED, fault, words)
        self._open, self._proofs = False, 0
        self._camera.close()
        self._due_s = time.monotonic() + self._patience.wait_s(self.health.tries)

    def _reopen(self, until: float) -> None:
        """Wait for the next try, as far as there is time, and try. Frames are for the next read."""
        self._interrupted.wait(max(0.0, min(self._due_s, until) - time.monotonic()))
        if self._interrupted.is_set() or time.monotonic() < self._due_s:
            return
        self.health.tries += 1
        try:
            self._camera.open()
        except EndOfFrames:  # interrupted
            return
        except HematoEdgeError as error:
            self._lose(_fault_of(error, Fault.CANNOT_OPEN), str(error))
            return
        self._open = True
        self.name = self.health.name = self._camera.name
        self._due_s = time.monotonic() + max(self._patience.settle_s, self._patience.wait_s(self.health.tries))


def _fault_of(error: HematoEdgeError, otherwise: Fault) -> Fault:
    if isinstance(error, CameraFault):
        return Fault(error.kind)
    return Fault.WRONG_SIZE if isinstance(error, CalibrationError) else otherwise
