"""A camera with its calibrated controls applied before its first frame counts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hemato_edge.cameras.camera import EndOfFrames
from hemato_edge.cameras.controls import LockableCamera
from hemato_edge.errors import CalibrationError

if TYPE_CHECKING:
    from collections import Counter

    from hemato_edge.cameras.camera import Camera
    from hemato_edge.cameras.controls import ControlValues
    from hemato_edge.values import Frame

_log = logging.getLogger(__name__)


class PreparedCamera:
    """Wraps a camera: applies locked controls once it is open, and checks the size of its first frame.

    Args:
        camera: not yet open.
        frame_size: required width and height of the frames, pixels; None for any.
        driver, controls: what was locked, and the driver whose names it uses; None for nothing.
        timeout_s, controls_timeout_s: time limits for the first frame and the controls, seconds.

    Attributes:
        state: of the controls, once open: "none", "applied", "applied in part", or "not applied".
        not_applied: what was not applied, in words.
    """

    def __init__(
        self,
        camera: Camera,
        frame_size: tuple[int, int] | None,
        driver: str | None = None,
        controls: ControlValues | None = None,
        timeout_s: float = 10.0,
        controls_timeout_s: float = 3.0,
    ) -> None:
        self.name = camera.name
        self.live = camera.live
        self.noise = camera.noise
        self.total_frames: int | None = None
        self.skipped: Counter[str] = camera.skipped
        self.state = "none"
        self.not_applied: tuple[str, ...] = ()
        self._camera = camera
        self._frame_size = frame_size
        self._driver, self._controls = driver, controls
        self._timeout_s, self._controls_timeout_s = timeout_s, controls_timeout_s
        self._first: Frame | None = None
        self._ended = False

    def open(self) -> None:
        """Open, apply the controls, and read the first frame; may be called again after `close`.

        Raises:
            CameraError: from the camera.
            CalibrationError: its frames are of another size than at calibration.
        """
        self._camera.open()
        self.total_frames, self.noise, self.name = self._camera.total_frames, self._camera.noise, self._camera.name
        if self._controls:
            self._apply(self._controls)
        try:
            self._first = self._camera.read(self._timeout_s)
        except EndOfFrames:
            self._ended = True
            return
        size = self._first.image.shape[1], self._first.image.shape[0]
        if self._frame_size is not None and size != self._frame_size:
            wanted = f"{self._frame_size[0]} × {self._frame_size[1]}"
            raise CalibrationError(
                f"The profile was made with frames of {wanted} pixels, and {self.name} gives {size[0]} × {size[1]}: "
                "cropped or resized, they have another scale.",
                f"Set camera.width = {self._frame_size[0]} and camera.height = {self._frame_size[1]}, or calibrate "
                "at this size under another name.",
            )

    def read(self, timeout_s: float) -> Frame:
        """The next frame, as the camera's own `read`."""
        if self._ended:
            raise EndOfFrames
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return self._camera.read(timeout_s)

    def close(self) -> None:
        """Close the camera."""
        self._camera.close()

    def _apply(self, controls: ControlValues) -> None:
        if not isinstance(self._camera, LockableCamera) or self._camera.driver != self._driver:
            self.state = "not applied"
            self.not_applied = (f"they were locked through {self._driver}, and {self.name} is no such camera",)
        else:
            self.not_applied = self._camera.apply_controls(controls, self._controls_timeout_s)
            self.state = "applied in part" if self.not_applied else "applied"
        for reason in self.not_applied:
            _log.warning("exposure and white balance are not locked as in the profile: %s", reason)
