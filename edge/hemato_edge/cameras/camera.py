"""The camera contract that every kind implements."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections import Counter
    from types import TracebackType

    from hemato_edge.values import Frame


class EndOfFrames(Exception):
    """Raised by `Camera.read` at the end of a file, folder or demo walk. Live cameras never raise it."""


class NoFrameYet(Exception):
    """Raised by a guarded camera's `read` while it recovers: no frame is lost, read again."""


class Noise(str, Enum):
    """How much frames of a still stage differ, to distinguish a frozen camera from a still picture."""

    SENSOR = "sensor"
    """Sensor noise in every frame: no two are identical."""
    COMPRESSED = "compressed"
    """A network stream: frames may be identical until the next key frame, some seconds."""
    NONE = "none"
    """Recorded or drawn: frames may be identical for ever."""


class Camera(Protocol):
    """A source of frames.

    `open` is called once, before the first `read`, and returns only when a first frame is certain to come;
    `close` is called once, also after an error, and possibly on a camera that was never opened.
    All three are called from the same thread.
    """

    name: str
    """Name for the user, in table, log and record."""
    live: bool
    """True if unread frames are lost (a real camera); False if the source waits (files, the demo)."""
    noise: Noise
    """How a frozen picture is detected."""
    total_frames: int | None
    """Number of frames, or None if unknown."""
    skipped: Counter[str]
    """Frames or files that could not be read, by reason. Grows while reading; shown in the report."""

    def open(self) -> None:
        """Prepare to read. Raises CameraError with advice if there is no picture."""

    def read(self, timeout_s: float) -> Frame:
        """The next frame.

        Args:
            timeout_s: maximum wait, seconds.

        Raises:
            EndOfFrames: there are no more.
            CameraError: no frame came in time, or the device is gone.
        """

    def close(self) -> None:
        """Release the device. Safe to call twice."""


class OpenCamera:
    """Context manager that opens a camera and always closes it."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    def __enter__(self) -> Camera:
        try:
            self._camera.open()
        except BaseException:  # clean up on anything, and raise it again
            self._camera.close()
            raise
        return self._camera

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._camera.close()
