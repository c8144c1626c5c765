"""Cameras on the device's own ports, V4L2: a USB microscope, a webcam, an HDMI grabber; their controls."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import cast

import cv2

from hemato_edge.cameras.controls import ControlValues, LockedControls
from hemato_edge.cameras.drivers.opencv import WARM_UP, CaptureCamera
from hemato_edge.errors import CameraError

_MANUAL = 1.0
"""V4L2_EXPOSURE_MANUAL of V4L2_CID_EXPOSURE_AUTO; OpenCV hands the driver's own numbers through."""
_SETTLE_READS = 30
"""Frames, about a second or two, in which a webcam's automatics settle; it does not tell when they have."""
_LOCKS = {
    "auto_exposure": cv2.CAP_PROP_AUTO_EXPOSURE,
    "auto_white_balance": cv2.CAP_PROP_AUTO_WB,
    "exposure": cv2.CAP_PROP_EXPOSURE,
    "gain": cv2.CAP_PROP_GAIN,
    "white_balance_temperature": cv2.CAP_PROP_WB_TEMPERATURE,
}


class DeviceCamera(CaptureCamera):
    """A V4L2 camera: a USB microscope, a webcam, an HDMI grabber.

    Args:
        device: index (`0`), or path (`/dev/video0`, or better `/dev/v4l/by-id/…`, which survives a replug).
        width, height, fps: what to ask the driver for, pixels and frames a second; it may give something else.
    """

    driver = "v4l2"

    def __init__(
        self, device: int | str, width: int | None = None, height: int | None = None, fps: float | None = None
    ) -> None:
        super().__init__(f"/dev/video{device}" if isinstance(device, int) else device, live=True)
        self._wanted = {
            cv2.CAP_PROP_FRAME_WIDTH: width,
            cv2.CAP_PROP_FRAME_HEIGHT: height,
            cv2.CAP_PROP_FPS: fps,
        }

    def _open_capture(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(self.name, cv2.CAP_V4L2)
        for name, value in self._wanted.items():
            if value is not None:
                capture.set(name, value)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 2)
        return capture

    def lock_controls(self, timeout_s: float) -> LockedControls:
        """Let the automatics settle, switch them off, and read back what the driver then says it holds.

        A driver that does not know a control, or does not hold it, is told of in `not_locked`: that is common.

        Raises:
            CameraError: if nothing at all could be locked.
        """
        until = time.monotonic() + timeout_s
        for _ in range(_SETTLE_READS):
            if time.monotonic() > until or self._grab() is None:
                break
        capture = self._opened()
        found = {name: float(capture.get(number)) for name, number in _LOCKS.items()}
        values: ControlValues = {name: found[name] for name in ("exposure", "gain", "white_balance_temperature")}
        values |= {"auto_exposure": _MANUAL, "auto_white_balance": 0.0}
        missed = self.apply_controls(values, timeout_s)
        held: ControlValues = {
            name: float(capture.get(_LOCKS[name])) for name in _LOCKS if not any(m.startswith(name) for m in missed)
        }
        if not {"auto_exposure", "auto_white_balance"} & set(held):
            raise CameraError(
                f"The driver of {self.name} lets neither exposure nor white balance be locked.",
                f"See what it offers with `v4l2-ctl -d {self.name} --list-ctrls`.",
            )
        return LockedControls(self.driver, held, missed)

    def apply_controls(self, values: ControlValues, timeout_s: float) -> tuple[str, ...]:
        """Set locked values and read them back; what the driver does not hold is told in words."""
        capture = self._opened()
        missed = []
        for name, number in _LOCKS.items():  # the automatics first: a driver refuses values while they are on
            if name not in values:
                continue
            wanted = float(values[name])  # type: ignore[arg-type]  # ours are numbers, checked by float itself
            taken = capture.set(number, wanted)
            if not taken or abs(float(capture.get(number)) - wanted) > max(1.0, 0.02 * abs(wanted)) * 0.5:
                missed.append(f"{name} cannot be set to {wanted:g}")
        for _ in range(WARM_UP):
            self._grab()
        self._first, self._index = None, 0  # what came before was taken under other controls
        return tuple(missed)

    def _opened(self) -> cv2.VideoCapture:
        if self._capture is None:
            raise CameraError(f"{self.name} is not open.")
        return cast("cv2.VideoCapture", self._capture)

    def _why_not(self) -> CameraError:
        path = Path(self.name)
        if not path.exists():
            found = sorted(str(p) for p in Path("/dev").glob("video*"))
            there = f"there is {', '.join(found)}" if found else "no camera is plugged in"
            return CameraError(
                f"There is no camera {self.name}; {there}.",
                "Plug one in and look with `ls /dev/v4l/by-id/`, or try `--camera demo`.",
            )
        if not os.access(path, os.R_OK | os.W_OK):
            return CameraError(
                f"You may not open {self.name}.", "Type `sudo usermod -aG video $USER`, log out and in again."
            )
        return CameraError(
            f"{self.name} is there but gives no frame: it is in use by another program, or it is no camera.",
            f"See who has it with `fuser -v {self.name}`; many cameras have a second node that gives no picture: "
            "`v4l2-ctl --list-devices`.",
        )
