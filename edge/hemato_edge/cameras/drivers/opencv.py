"""Cameras and videos that OpenCV reads: V4L2 devices, network streams, video files, GStreamer pipelines."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hemato_edge.cameras.camera import EndOfFrames, Noise
from hemato_edge.cameras.controls import ControlValues, LockedControls
from hemato_edge.cameras.picture_files import check_picture
from hemato_edge.errors import CameraError, ImageError
from hemato_edge.values import Frame

_PROPERTY_TIMEOUT = {"open": cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, "read": cv2.CAP_PROP_READ_TIMEOUT_MSEC}
_MANUAL = 1.0
"""V4L2_EXPOSURE_MANUAL of V4L2_CID_EXPOSURE_AUTO; OpenCV hands the driver's own numbers through."""
_SETTLE_READS = 30
"""Frames, about a second or two, in which a webcam's automatics settle; it does not tell when they have."""
_V4L2_WARM_UP = 3
"""Reads to try for the first frame of a device: some give an empty buffer while the exposure settles."""
_LOCKS = {
    "auto_exposure": cv2.CAP_PROP_AUTO_EXPOSURE,
    "auto_white_balance": cv2.CAP_PROP_AUTO_WB,
    "exposure": cv2.CAP_PROP_EXPOSURE,
    "gain": cv2.CAP_PROP_GAIN,
    "white_balance_temperature": cv2.CAP_PROP_WB_TEMPERATURE,
}


class CaptureCamera(ABC):
    """What all of OpenCV's sources share; each kind says how to open itself and why that may have failed.

    A camera counts as open when its first frame has come: OpenCV's `isOpened()` says yes to pipelines that never
    give one. The backends' own timeouts bound a read; a driver that hangs all the same is ended with the reader process
    that it runs in (`cameras.isolated`).

    Args:
        source: what a person named: path, address or pipeline.
        live: whether frames are lost when nobody reads.
    """

    colour = True
    """Whether a grey picture is refused: a smear is stained, a stage micrometer is not."""
    noise = Noise.SENSOR

    def __init__(self, source: str, *, live: bool) -> None:
        self.name = source
        self.live = live
        self.total_frames: int | None = None
        self.skipped: Counter[str] = Counter()
        self._capture: cv2.VideoCapture | None = None
        self._first: Frame | None = None
        self._index = 0

    def open(self) -> None:
        """Open the source and wait for its first frame. Raises CameraError with the likely reason."""
        _quiet()
        self._capture = self._open_capture()
        if self._capture.isOpened():
            for _ in range(_V4L2_WARM_UP if self.live else 1):
                self._first = self._grab()
                if self._first is not None:
                    return
        self.close()
        raise self._why_not()

    def read(self, timeout_s: float) -> Frame:
        """The next frame. Raises EndOfFrames at the end of a file, CameraError when a live source stops."""
        if self._capture is None:
            raise CameraError(f"{self.name} is not open.")
        if self._first is not None:
            first, self._first = self._first, None
            return first
        started = time.monotonic()
        frame = self._grab()
        if frame is not None:
            return frame
        if not self.live:
            self._at_end()
            raise EndOfFrames
        raise CameraError(
            f"{self.name} stopped giving frames after {self._index} "
            f"(the last try took {time.monotonic() - started:.1f} s of {timeout_s:.1f} s).",
            "Check the cable and the power supply, then start again; what was counted is stored.",
        )

    def close(self) -> None:
        """Release the device."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    @abstractmethod
    def _open_capture(self) -> cv2.VideoCapture:
        """The capture, opened or not."""

    @abstractmethod
    def _why_not(self) -> CameraError:
        """Why no frame came, as far as can be told, and what to do."""

    def _at_end(self) -> None:
        """Called where a file ends; a kind that knows how many frames were promised may note what is missing."""
        return

    def _grab(self) -> Frame | None:
        if self._capture is None:
            return None
        good, image = self._capture.read()
        if not good or image is None:
            return None
        picture = np.asarray(image, np.uint8)
        if self._index == 0:
            try:
                picture = check_picture(picture, self.name, colour=self.colour)
            except ImageError as error:
                raise CameraError(error.message, error.fix) from error
        frame = Frame(picture, self._index, time.monotonic(), datetime.now(timezone.utc), self.name)
        self._index += 1
        return frame


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
        for _ in range(_V4L2_WARM_UP):
            self._grab()
        self._first, self._index = None, 0  # what came before was taken under other controls
        return tuple(missed)

    def _opened(self) -> cv2.VideoCapture:
        if self._capture is None:
            raise CameraError(f"{self.name} is not open.")
        return self._capture

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


class StreamCamera(CaptureCamera):
    """A network camera (`rtsp://…`, `http://…`).

    Args:
        address: its URL.
        open_timeout_s, read_timeout_s: bounds for the connection and for each frame, seconds.
    """

    noise = Noise.COMPRESSED

    def __init__(self, address: str, open_timeout_s: float, read_timeout_s: float) -> None:
        super().__init__(address, live=True)
        self._bounds = {"open": open_timeout_s, "read": read_timeout_s}

    def _open_capture(self) -> cv2.VideoCapture:
        parameters: list[int] = []
        for step, seconds in self._bounds.items():
            parameters += [_PROPERTY_TIMEOUT[step], int(seconds * 1000)]
        return cv2.VideoCapture(self.name, cv2.CAP_FFMPEG, parameters)

    def _why_not(self) -> CameraError:
        return CameraError(
            f"No picture came from {self.name} within {self._bounds['open']:g} s.",
            "Check the address with `ffplay URL` on this machine, and that user and password are in it.",
        )


class VideoFile(CaptureCamera):
    """A recorded video; every frame is read, in order, as fast as they can be analysed.

    Args:
        path: the file.
    """

    noise = Noise.NONE

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), live=False)

    def _open_capture(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(self.name, cv2.CAP_FFMPEG)
        frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        self.total_frames = frames if frames > 0 else None
        return capture

    def _at_end(self) -> None:
        missing = (self.total_frames or 0) - self._index
        if missing > 1 and not self.skipped:  # containers may round their own count by one
            self.skipped["cut_off_video"] += missing

    def _why_not(self) -> CameraError:
        return CameraError(
            f"{self.name} cannot be read as a video: damaged, cut off before its index, or of an unknown format.",
            "Record it again, or try `ffmpeg -i IN -c:v libx264 -crf 12 OUT.mp4`.",
        )


class GStreamerCamera(CaptureCamera):
    """A GStreamer pipeline, the way to a Jetson's CSI camera.

    Args:
        pipeline: ends in an `appsink`; one is appended, with conversion to BGR, where it does not.
    """

    def __init__(self, pipeline: str) -> None:
        if "appsink" not in pipeline:
            pipeline = f"{pipeline} ! videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=2"
        super().__init__(f"gst:{pipeline}", live=True)
        self.noise = _noise_of(pipeline)
        self._pipeline = pipeline

    def open(self) -> None:
        """Refuse early where this OpenCV was built without GStreamer."""
        if not has_gstreamer():
            raise CameraError(
                "This OpenCV has no GStreamer: the wheels of pip never have it.",
                "Use the system's OpenCV: `sudo apt install python3-opencv`, make the environment with `python3 -m "
                "venv --system-site-packages`, and in it `pip uninstall -y opencv-python-headless`.",
            )
        super().open()

    def _open_capture(self) -> cv2.VideoCapture:
        return cv2.VideoCapture(self._pipeline, cv2.CAP_GSTREAMER)

    def _why_not(self) -> CameraError:
        return CameraError(
            f"The pipeline gives no frame: {self._pipeline}",
            "Try it alone: `gst-launch-1.0 PIPELINE` with `fakesink` in place of `appsink`; on a Jetson "
            "`sudo systemctl restart nvargus-daemon` frees a camera that hangs.",
        )


def _noise_of(pipeline: str) -> Noise:
    if "videotestsrc" in pipeline:
        return Noise.NONE
    sensors = ("nvarguscamerasrc", "nvv4l2camerasrc", "v4l2src", "libcamerasrc")
    return Noise.SENSOR if any(source in pipeline for source in sensors) else Noise.COMPRESSED


def has_gstreamer() -> bool:
    """Whether the OpenCV that is installed was built with GStreamer."""
    lines = cv2.getBuildInformation().splitlines()
    return any("GStreamer:" in line and "YES" in line for line in lines)


def _quiet() -> None:
    """Keep OpenCV's and FFmpeg's own chatter off the terminal: the error that follows says it in one line."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # where it lives differs: nowhere before 4.6, cv2 up to 4.13, cv2.utils.logging from 4.14 on
    places: tuple[Any, ...] = (cv2, getattr(cv2.utils, "logging", None))
    for place in places:
        if hasattr(place, "setLogLevel"):
            place.setLogLevel(0)
