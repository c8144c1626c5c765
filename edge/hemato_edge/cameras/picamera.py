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

from hemato_edge.errors import CameraError
from hemato_edge.values import Frame

if TYPE_CHECKING:
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
        array = self._capture(timeout_s)
        frame = Frame(self._to_bgr(array), self._index, time.monotonic(), datetime.now(timezone.utc), self.name)
        self._index += 1
        return frame

    def close(self) -> None:
        """Stop and release the camera."""
        if self._camera is not None:
            camera, self._camera = self._camera, None
            camera.stop()
            camera.close()

    def _capture(self, timeout_s: float) -> NDArray[np.uint8]:
        """One buffer. Waits on an event, because older picamera2 take a number for `wait` and then wait for ever."""
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
            return np.asarray(request.make_array("main"))
        finally:
            request.release()

    def _to_bgr(self, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        code = _TO_BGR[self._format]
        picture = array if code is None else np.asarray(cv2.cvtColor(array, code), np.uint8)
        width, height = self._stream["size"]
        return np.ascontiguousarray(picture[:height, :width])
