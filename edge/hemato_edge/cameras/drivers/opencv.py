"""What all of OpenCV's sources share, and the network streams, video files and GStreamer pipelines among them."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hemato_edge.cameras.camera import EndOfFrames, Noise
from hemato_edge.cameras.drivers.decoded_video import DecodedVideo
from hemato_edge.cameras.drivers.jpeg_video import JpegVideo, is_motion_jpeg
from hemato_edge.cameras.drivers.whole_frames import DAMAGED, WholeFrames
from hemato_edge.cameras.picture_decoding import MAX_PIXELS
from hemato_edge.cameras.picture_files import check_picture
from hemato_edge.errors import CameraError, ImageError
from hemato_edge.values import Frame

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.values import Image

_PROPERTY_TIMEOUT = {"open": cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, "read": cv2.CAP_PROP_READ_TIMEOUT_MSEC}
CUT_OFF = "cut_off_video"
"""Why frames were skipped that a recording promised and does not hold."""
WARM_UP = 3
"""Reads to try for the first frame of a device: some give an empty buffer while the exposure settles."""


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
        self._capture: cv2.VideoCapture | WholeFrames | None = None
        self._first: Frame | None = None
        self._index = 0
        self._size = (0, 0)

    def open(self) -> None:
        """Open the source and wait for its first frame. Raises CameraError with the likely reason."""
        _quiet()
        self._capture = self._open_capture()
        if self._capture.isOpened():
            self._refuse_huge(self._capture)
            for _ in range(WARM_UP if self.live else 1):
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

    def _refuse_huge(self, capture: cv2.VideoCapture | WholeFrames) -> None:
        """Refuse frames by the size that the source announces, before one is decoded: that would take gigabytes."""
        width, height = (int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > MAX_PIXELS:
            self.close()
            raise CameraError(
                f"{self.name} has frames of {width * height / 1e6:.0f} megapixels; the most is "
                f"{MAX_PIXELS // 1_000_000}.",
                "Let it send a smaller picture.",
            )

    def _refuse_another_size(self, picture: Image) -> None:
        """End a recording whose frames change size: no place in the later ones follows from the ones before.

        A live camera is given up and opened again by its guard; see `cameras.recovery`.
        """
        height, width = picture.shape[:2]
        if self._index == 0:
            self._size = (width, height)
        elif not self.live and (width, height) != self._size:
            raise CameraError(
                f"The frames of {self.name} change size: {self._size[0]}×{self._size[1]} pixels at first, "
                f"{width}×{height} from frame {self._index + 1} on.",
                "What was counted before is stored. Cut the recording there, and count each part by itself.",
            )

    @abstractmethod
    def _open_capture(self) -> cv2.VideoCapture | WholeFrames:
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
        self._refuse_another_size(picture)
        if self._index == 0:
            try:
                picture = check_picture(picture, self.name, colour=self.colour)
            except ImageError as error:
                raise CameraError(error.message, error.fix) from error
        frame = Frame(picture, self._index, time.monotonic(), datetime.now(timezone.utc), self.name)
        self._index += 1
        return frame


class StreamCamera(CaptureCamera):
    """A network camera (`rtsp://…`, `http://…`).

    Damaged frames are skipped and counted.

    Args:
        address: its URL.
        open_timeout_s, read_timeout_s: bounds for the connection and for each frame, seconds.
    """

    noise = Noise.COMPRESSED

    def __init__(self, address: str, open_timeout_s: float, read_timeout_s: float) -> None:
        super().__init__(address, live=True)
        self._bounds = {"open": open_timeout_s, "read": read_timeout_s}

    def _open_capture(self) -> WholeFrames:
        """Opened the likelier way first: a second connection takes a second, and some cameras serve one client only."""
        likelier: type[WholeFrames] = JpegVideo if self.name.lower().startswith("http") else DecodedVideo
        capture = self._opened_as(likelier)
        wanted = JpegVideo if is_motion_jpeg(capture) else DecodedVideo
        if not capture.isOpened() or wanted is likelier:
            return capture
        capture.release()
        return self._opened_as(wanted)

    def _opened_as(self, kind: type[WholeFrames]) -> WholeFrames:
        pairs = ((_PROPERTY_TIMEOUT[step], int(seconds * 1000)) for step, seconds in self._bounds.items())
        return kind(self.name, self.skipped, [number for pair in pairs for number in pair], self._bounds["read"])

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

    def _open_capture(self) -> WholeFrames:
        capture: WholeFrames = DecodedVideo(self.name, self.skipped)
        frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        self.total_frames = frames if frames > 0 else None
        if capture.isOpened() and is_motion_jpeg(capture):
            capture.release()
            return JpegVideo(self.name, self.skipped)
        return capture

    def _at_end(self) -> None:
        if not isinstance(self._capture, WholeFrames):
            return
        if isinstance(self._capture, DecodedVideo):
            self._capture.count_damaged()
        missing = (self.total_frames or 0) - self._index - self.skipped[DAMAGED]
        if missing > 1:  # containers may round their own count by one
            self.skipped[CUT_OFF] = missing
        else:
            self._capture.count_damaged()

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
