"""Raspberry Pi cameras, through picamera2."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hemato_edge.cameras.camera import Noise
from hemato_edge.cameras.controls import ControlValues, LockedControls
from hemato_edge.errors import CameraError
from hemato_edge.values import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

INSTALL = (
    "On Raspberry Pi OS type `sudo apt install -y python3-picamera2`, then make the environment with "
    "`python3 -m venv --system-site-packages .venv`; on other systems `pip install 'hemato-edge[picamera]'`."
)
_TO_BGR: dict[str, int | None] = {
    "RGB888": None,  # libcamera names formats by their little-endian word: in memory this is B, G, R
    "BGR888": cv2.COLOR_RGB2BGR,
    "XRGB8888": cv2.COLOR_BGRA2BGR,
    "XBGR8888": cv2.COLOR_RGBA2BGR,
    "NV12": cv2.COLOR_YUV2BGR_NV12,
    "NV21": cv2.COLOR_YUV2BGR_NV21,
    "YUV420": cv2.COLOR_YUV2BGR_I420,
    "YVU420": cv2.COLOR_YUV2BGR_YV12,
    "YUYV": cv2.COLOR_YUV2BGR_YUYV,
    "UYVY": cv2.COLOR_YUV2BGR_UYVY,
}

_SETTLED = 0.02
"""Largest change of exposure or a gain over `_STEADY_FRAMES` that counts as settled; libcamera's own `AeLocked` is
wrong in some versions (picamera2 issues 908 and 1168). Sensors round the exposure to whole lines: less than this."""
_STEADY_FRAMES = 8
_FRAME_S = 2.0
"""What any one frame may take, also the last one within a time limit."""


def import_picamera2() -> Any:
    """The class `Picamera2`.

    Raises:
        CameraError: if it is not installed, or was compiled against another numpy; says the exact commands.
    """
    try:
        from picamera2 import Picamera2
    except ImportError as error:
        in_venv = sys.prefix != sys.base_prefix
        missing = "picamera2" if error.name in ("picamera2", None) else f"picamera2's {error.name}"
        where = " in this environment" if in_venv else ""
        raise CameraError(f"{missing} cannot be imported{where} ({error}).", INSTALL) from error
    except (ValueError, AttributeError) as error:
        # "numpy.dtype size changed": apt's simplejpeg and picamera2 were compiled against another numpy
        raise CameraError(
            f"picamera2 does not work with numpy {np.__version__} ({error}).",
            "The environment holds a newer numpy than the system's: `pip uninstall -y numpy`, then "
            "`pip install --force-reinstall hemato-edge`.",
        ) from error
    return Picamera2


def libcamera_sees_a_camera() -> bool:
    """Whether picamera2 can be imported and finds a camera that is not a USB one; never raises."""
    try:
        found = import_picamera2().global_camera_info()
    except (CameraError, RuntimeError, IndexError):
        return False
    return any("usb" not in str(camera.get("Id", "")).lower() for camera in found)


class PiCamera:
    """A camera on the Pi's ribbon cable.

    Args:
        number: which one, from 0.
        width, height: frame size to ask for, 1280 × 960 pixels unless told; libcamera may align it.
        open_timeout_s: how long the first frame may take, seconds.
    """

    live = True
    noise = Noise.SENSOR
    driver = "picamera2"

    def __init__(
        self, number: int, width: int | None = None, height: int | None = None, open_timeout_s: float = 10.0
    ) -> None:
        self.name = f"picamera:{number}"
        self.total_frames: int | None = None
        self.skipped: Counter[str] = Counter()
        self._number = number
        self._size = (width or 1280, height or 960)
        self._open_timeout_s = open_timeout_s
        self._camera: Any = None
        self._format = ""
        self._stream: dict[str, Any] = {}
        self._first: Frame | None = None
        self._index = 0

    def open(self) -> None:
        """Configure, start, read the configuration back, and wait for the first frame."""
        picamera2 = import_picamera2()
        try:
            self._camera = picamera2(self._number)
            wanted = self._camera.create_video_configuration(main={"size": self._size, "format": "RGB888"})
            self._camera.configure(wanted)
            self._stream = dict(self._camera.camera_configuration()["main"])
            self._camera.start()
        except (RuntimeError, IndexError) as error:
            raise CameraError(
                f"{self.name} cannot be opened ({error or 'no such camera'}).",
                "See which cameras there are with `rpicam-hello --list-cameras` and who holds one with "
                "`fuser -v /dev/media*`.",
            ) from error
        self._format = str(self._stream["format"])
        if self._format not in _TO_BGR:
            raise CameraError(f"{self.name} gives frames as {self._format}, which is not known.", "Use another camera.")
        self._first = self.read(self._open_timeout_s)

    def read(self, timeout_s: float) -> Frame:
        """The next frame. Raises CameraError when none came in time: the camera must then be closed."""
        if self._first is not None:
            frame, self._first = self._first, None
            return frame
        array, _ = self._capture(timeout_s)
        frame = Frame(self._to_bgr(array), self._index, time.monotonic(), datetime.now(timezone.utc), self.name)
        self._index += 1
        return frame

    def lock_controls(self, timeout_s: float) -> LockedControls:
        """Let exposure and white balance settle, then switch both automatics off with the values they reached.

        Raises:
            CameraError: if they do not settle in time, or the camera has no such controls.
        """
        seen: list[tuple[float, ...]] = []
        metadata = self._await_metadata(lambda found: _steady(seen, found), timeout_s)
        if metadata is None:
            raise CameraError(
                f"Exposure and white balance of {self.name} did not settle within {timeout_s:g} s.",
                "Keep the light and the stage still, and look at an evenly lit place.",
            )
        red, blue = metadata["ColourGains"]
        values: ControlValues = {
            "AeEnable": False,
            "AwbEnable": False,
            "ExposureTime": int(metadata["ExposureTime"]),
            "AnalogueGain": float(metadata["AnalogueGain"]),
            "ColourGains": [float(red), float(blue)],
        }
        return LockedControls(self.driver, values, self.apply_controls(values, timeout_s))

    def apply_controls(self, values: ControlValues, timeout_s: float) -> tuple[str, ...]:
        """Set locked values and wait until the frames carry them; what does not hold is told in words."""
        if self._camera is None:
            raise CameraError(f"{self.name} is not open.")
        wanted = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        try:
            self._camera.set_controls(wanted)
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise CameraError(
                f"{self.name} does not take the locked exposure and white balance ({error}).",
                "Lock them anew with `hemato-edge calibrate camera`.",
            ) from error
        self._first, self._index = None, 0  # what came before was taken under other controls
        missed: list[str] = []
        self._await_metadata(lambda found: not _differences(wanted, found, missed), timeout_s)
        return tuple(missed)

    def _await_metadata(self, done: Callable[[dict[str, Any]], bool], timeout_s: float) -> dict[str, Any] | None:
        """Metadata of the first frame for which `done` is true; None when the time is over."""
        until = time.monotonic() + timeout_s
        while (left := until - time.monotonic()) > 0:
            _, metadata = self._capture(max(left, _FRAME_S), pixels=False)
            if "ExposureTime" not in metadata or "ColourGains" not in metadata:
                raise CameraError(
                    f"{self.name} does not tell its exposure and colour gains, so they cannot be locked.",
                    "USB cameras are opened as /dev/video0 rather than through libcamera.",
                )
            if done(metadata):
                return metadata
        return None

    def close(self) -> None:
        """Stop and release the camera."""
        if self._camera is not None:
            camera, self._camera = self._camera, None
            camera.stop()
            camera.close()

    def _capture(self, timeout_s: float, *, pixels: bool = True) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """One buffer, or without `pixels` only its metadata.

        Waits on an event, because older picamera2 take a number for `wait` and then wait for ever.
        """
        if self._camera is None:
            raise CameraError(f"{self.name} is not open.")
        came = threading.Event()
        job = self._camera.capture_request(signal_function=lambda _job: came.set())
        if not came.wait(timeout_s):
            raise CameraError(
                f"{self.name} gave no frame within {timeout_s:g} s.",
                "Check the ribbon cable and `dmesg | tail`; what was counted is stored.",
            )
        request = self._camera.wait(job)
        try:
            if pixels:
                return np.asarray(request.make_array("main")), {}
            return np.zeros(0, np.uint8), dict(request.get_metadata())
        finally:
            request.release()

    def _to_bgr(self, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        code = _TO_BGR[self._format]
        picture = array if code is None else np.asarray(cv2.cvtColor(array, code), np.uint8)
        width, height = self._stream["size"]
        return np.ascontiguousarray(picture[:height, :width])


def _steady(seen: list[tuple[float, ...]], metadata: dict[str, Any]) -> bool:
    """Whether light and colour were the same over the last frames; `seen` is the memory."""
    light = float(metadata["ExposureTime"]) * float(metadata["AnalogueGain"])
    seen.append((light, *map(float, metadata["ColourGains"])))
    last = np.array(seen[-_STEADY_FRAMES:])
    return len(last) == _STEADY_FRAMES and bool(np.all(np.ptp(last, axis=0) <= _SETTLED * last.mean(axis=0)))


def _differences(wanted: dict[str, Any], metadata: dict[str, Any], missed: list[str]) -> list[str]:
    """What the frame's metadata says is not as wanted; `missed` is left holding it."""
    missed.clear()
    for name in ("ExposureTime", "AnalogueGain", "ColourGains"):
        if name in wanted and not np.allclose(wanted[name], metadata.get(name, np.nan), rtol=_SETTLED):
            missed.append(f"{name} is {metadata.get(name)} instead of {wanted[name]}")
    return missed
