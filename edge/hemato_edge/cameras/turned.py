"""A camera mounted rotated on its tube: its frames are rotated upright on reading."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.values import Frame

_CODES = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


class TurnedCamera:
    """Implements the `Camera` protocol, and forwards everything else to the camera.

    Args:
        camera: not yet open.
        degrees: clockwise rotation of its frames: 90, 180 or 270.
    """

    def __init__(self, camera: Camera, degrees: int) -> None:
        self._camera, self._code = camera, _CODES[degrees]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._camera, name)

    def open(self) -> None:
        """Open the camera."""
        self._camera.open()

    def read(self, timeout_s: float) -> Frame:
        """The next frame, rotated; raises whatever the camera's own `read` raises."""
        frame = self._camera.read(timeout_s)
        return replace(frame, image=np.asarray(cv2.rotate(frame.image, self._code), np.uint8))

    def close(self) -> None:
        """Close the camera."""
        self._camera.close()


def turned(camera: Camera, degrees: int) -> Camera:
    """The camera with its frames rotated clockwise by `degrees`; the camera itself for 0."""
    return TurnedCamera(camera, degrees) if degrees else camera
