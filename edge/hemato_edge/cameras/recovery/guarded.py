"""A camera whose faults are detected, such as freezing, black pictures, hanging or disconnection, and recovered.

One thread, no timers. All waits are bounded by the reader process, by `read`'s time limit, or by `interrupt`.
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
    """Timeouts and back-off of recovery. All in seconds, except where the name shows otherwise.

    Attributes:
        stalled_s: time without a new frame before the camera counts as stalled.
        frozen_s, nearly_frozen_s, black_s: see `frozen`.
        wrong_size_s: limit for frames of another size.
        first_wait_s: wait before the second attempt to reopen the camera; the first is immediate, and each further
            wait is twice as long.
        longest_wait_s: limit of these waits.
        failed_tries: attempts after which it counts as failed.
        steady_s: how long it must be live before the attempts are reset, so that an unreliable camera is not retried
            faster and faster.
        settle_s: how long a reopened camera may give bad frames, while its exposure settles.
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
        """The wait after this many attempts, seconds."""
        return min(self.longest_wait_s, self.first_wait_s * 2 ** min(tries - 1, 30)) if tries else 0.0


class GuardedCamera:
    """Implements the `Camera` protocol; its `read` raises `NoFrameYet` while there is no new frame.

    Each frame is delivered once. Frames that are not new (repeated, black, of another size) are withheld and counted.
    A source that is not live is passed through: it has an end, and its failures are final. So are those of the first
    `open`: a camera missing at the start is for the user to correct.

    Args:
        camera: not open. It must allow `open` after `close`.
        interrupt: ends the camera's wait, from another thread; None if it cannot wait for long.
        patience: timeouts and back-off of recovery.
        tell: called with every change of state, in the reading thread.
        noise: how a frozen picture is detected; None for the camera's own declaration.

    Attributes:
        health: the state machine.
        read_timeout_s: limit of one read, seconds; a camera without a frame in that time counts as hung.
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
        """Open the camera; its errors are final."""
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
            timeout_s: maximum wait, except that a driver's answer may take up to `read_timeout_s`, or the time limit
                for opening.

        Raises:
            NoFrameYet: there was none. Recovery is under way; read again.
            EndOfFrames: after `interrupt`, and at the end of a source that is not live.
            HematoEdgeError: from a source that is not live.
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
        """End all waits, now and later; `read` then raises EndOfFrames. For any thread."""
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
        """Withhold a frame, and give the camera up once its time limit is exceeded."""
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
        """After a fault, a sensor's first picture only serves as the reference for the next one."""
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
        """Close the camera, and schedule the next attempt to open it."""
        self._stall(fault)
        if self.health.state is CameraState.STALLED:
            self.health.to(CameraState.RECOVERING, fault, words)
        elif self.health.state is CameraState.RECOVERING and self.health.tries >= self._patience.failed_tries:
            self.health.to(CameraState.FAILED, fault, words)
        self._open, self._proofs = False, 0
        self._camera.close()
        self._due_s = time.monotonic() + self._patience.wait_s(self.health.tries)

    def _reopen(self, until: float) -> None:
        """Wait for the next attempt, within the time limit, and make it. Frames come with the next read."""
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
