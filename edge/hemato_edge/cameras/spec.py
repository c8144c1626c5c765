"""From what a person types after `--camera` to the camera it names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hemato_edge.errors import CameraError

if TYPE_CHECKING:
    from hemato_edge.cameras.camera import Camera

_URL = re.compile(r"^(rtsps?|https?|udp|rtp|tcp)://")


class CameraOptions(Protocol):
    """What of the camera's settings its making depends on; `settings.CameraSettings` has it all."""

    @property
    def width(self) -> int | None:
        """Picture width to ask for, pixels; None for the camera's own."""

    @property
    def height(self) -> int | None:
        """Picture height to ask for, pixels; None for the camera's own."""

    @property
    def fps(self) -> float | None:
        """Frames a second to ask for; None for the camera's own."""

    @property
    def open_timeout_s(self) -> float:
        """Longest wait for the first frame, seconds."""

    @property
    def read_timeout_s(self) -> float:
        """Longest wait for one frame, seconds."""


def make_camera(spec: str, settings: CameraOptions) -> Camera:
    """The camera that `spec` names, not yet open.

    Args:
        spec: `0`, `/dev/video0`, `picamera`, `picamera:1`, `gst:PIPELINE`, `rtsp://…`, a video file, an image,
            a folder of images, `demo` or `demo:SEED`.
        settings: sizes and time limits.

    Raises:
        CameraError: if it names nothing there is.
    """
    if spec == "demo" or spec.startswith("demo:"):
        return _demo(spec)
    if spec == "picamera" or spec.startswith("picamera:"):
        return _picamera(_number(spec, "picamera"), settings)
    if spec.startswith("gst:"):
        from hemato_edge.cameras.kinds.opencv import GStreamerCamera

        return GStreamerCamera(spec.removeprefix("gst:").strip())
    if _URL.match(spec):
        from hemato_edge.cameras.kinds.opencv import StreamCamera

        return StreamCamera(spec, settings.open_timeout_s, settings.read_timeout_s)
    if spec.isdigit():
        return _first_or_index(int(spec), settings)
    if spec.startswith("/dev/"):
        return _device(spec, settings)
    return _from_path(spec)


def is_finite(spec: str) -> bool:
    """Whether `spec` names a file, a folder or the demo, which have an end; all else is a live camera."""
    live = spec.startswith(("/dev/", "picamera", "gst:")) or spec.isdigit() or _URL.match(spec)
    return not live


def needs_reader(spec: str) -> bool:
    """Whether what `spec` names can hang or crash on somebody else's account: a driver, a network, a video decoder."""
    from hemato_edge.cameras.picture_files import PICTURE_SUFFIXES

    path = Path(spec).expanduser()
    drawn = spec == "demo" or spec.startswith("demo:")
    pictures = path.suffix.lower() in PICTURE_SUFFIXES or (bool(spec.strip()) and path.is_dir())
    return not is_finite(spec) or (not drawn and not pictures and path.is_file())


def _demo(spec: str) -> Camera:
    from hemato_edge.cameras.demo.camera import DemoCamera

    return DemoCamera(_number(spec, "demo", default=1))


def _number(spec: str, kind: str, default: int = 0) -> int:
    text = spec.removeprefix(kind).removeprefix(":")
    if not text:
        return default
    if not text.isdigit():
        raise CameraError(
            f"'{spec}' is not a camera: {text!r} is not a number.", f"Type for instance `--camera {kind}:1`."
        )
    return int(text)


def _picamera(number: int, settings: CameraOptions) -> Camera:
    from hemato_edge.cameras.kinds.picamera import PiCamera

    return PiCamera(number, settings.width, settings.height, settings.open_timeout_s)


def _first_or_index(index: int, settings: CameraOptions) -> Camera:
    """`0` means the first camera there is: the Pi's own where libcamera has one, else V4L2."""
    if index == 0:
        from hemato_edge.cameras.kinds.picamera import libcamera_sees_a_camera

        if libcamera_sees_a_camera():
            return _picamera(0, settings)
    return _device(index, settings)


def _device(device: int | str, settings: CameraOptions) -> Camera:
    from hemato_edge.cameras.kinds.opencv import DeviceCamera

    return DeviceCamera(device, settings.width, settings.height, settings.fps)


def _from_path(spec: str) -> Camera:
    from hemato_edge.cameras.kinds.files import FilesCamera
    from hemato_edge.cameras.kinds.opencv import VideoFile
    from hemato_edge.cameras.picture_files import PICTURE_SUFFIXES

    path = Path(spec).expanduser()
    if spec.strip() and (path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES):
        if not path.exists():
            raise CameraError(f"There is no picture {path}.", "Check the path.")
        return FilesCamera(path)
    if spec.strip() and path.is_file():
        return VideoFile(path)
    raise CameraError(
        f"'{spec}' is neither a camera nor a file.",
        "Type an index (0), /dev/video0, picamera, gst:PIPELINE, rtsp://…, a video, a folder of images, or demo.",
    )
