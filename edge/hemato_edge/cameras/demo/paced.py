"""A drawn slide in real time: frames come at a fixed rate, and the walk restarts at its end."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hemato_edge.cameras.camera import EndOfFrames, Noise

if TYPE_CHECKING:
    from collections import Counter

    from hemato_edge.cameras.camera import Camera
    from hemato_edge.values import Frame

FRAMES_A_SECOND = 10.0


class PacedCamera:
    """Turns a finite camera that can be reopened into a live one. Implements the `Camera` protocol.

    At its end the walk restarts over the same slide: known ground, on which nothing is counted twice.

    Args:
        camera: source of the frames.
        fps: frames per second.
    """

    live = True
    noise = Noise.NONE
    total_frames: int | None = None

    def __init__(self, camera: Camera, fps: float = FRAMES_A_SECOND) -> None:
        self.name = f"{camera.name}, live"
        self.skipped: Counter[str] = camera.skipped
        self._camera = camera
        self._every_s = 1 / fps
        self._due_s = 0.0
        self._given = 0

    def open(self) -> None:
        """Open it."""
        self._camera.open()
        self._due_s = time.monotonic()

    def read(self, timeout_s: float) -> Frame:
        """The next frame, when it is due."""
        now = time.monotonic()
        time.sleep(min(timeout_s, max(0.0, self._due_s - now)))
        self._due_s = max(self._due_s + self._every_s, now)
        try:
            frame = self._camera.read(timeout_s)
        except EndOfFrames:
            self._camera.close()
            self._camera.open()
            frame = self._camera.read(timeout_s)
        index, self._given = self._given, self._given + 1
        return replace(frame, index=index, monotonic_s=time.monotonic(), utc=datetime.now(timezone.utc))

    def close(self) -> None:
        """Close it."""
        self._camera.close()
