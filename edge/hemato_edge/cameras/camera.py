"""What a camera is: the contract that every kind of it keeps."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections import Counter
    from types import TracebackType

    from hemato_edge.values import Frame


class EndOfFrames(Exception):
    """Raised by `Camera.read` when a file, a folder or a demo path has no more frames. Live cameras never raise it."""


class NoFrameYet(Exception):
    """Raised by a guarded camera's `read` while it is being brought back: nothing is lost, read again."""


class Noise(str, Enum):
    """What two frames of a still stage have to differ by, so that a frozen camera can be told from a quiet one."""

    SENSOR = "sensor"
    """A sensor's noise is in every frame: no two are the same."""
    COMPRESSED = "compressed"
    """A network stream: frames may be the same until the next key frame, some seconds."""
    NONE = "none"
    """Recorded or drawn: frames may be the same for ever."""


class Camera(Protocol):
    """A source of frames.

    `open` is called once, before the first `read`, and returns only after a first frame is known to come;
    `close` is called once, also after an error, and may be called on a camera that was never opened.
    All three are called from the same thread.
    """

    name: str
    """What a person would call it, for the table, the log and the record."""
    live: bool
    """True if frames are lost when nobody reads (a real camera); False if the source waits (files, the demo)."""
    noise: Noise
    """What a frozen picture is told by."""
    total_frames: int | None
    """How many frames there will be, or None if nobody knows."""
    skipped: Counter[str]
    """Frames or files that could not be turned into a frame, by reason. Grows while reading; shown in the report."""

    def open(self) -> None:
        """Get ready to read. Raises CameraError with the next step when there is no picture to be had."""

    def read(self, timeout_s: float) -> Frame:
        """The next frame.

        Args:
            timeout_s: how long to wait for it, seconds.

        Raises:
            EndOfFrames: if there are no more.
            CameraError: if no frame came in time or the device is gone.
        """

    def close(self) -> None:
        """Let go of the device. Safe to call twice."""


class OpenCamera:
    """Context manager that opens a camera and closes it whatever happens."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    def __enter__(self) -> Camera:
        try:
            self._camera.open()
        except BaseException:  # whatever it was: tidied up, and raised again
            self._camera.close()
            raise
        return self._camera

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._camera.close()
