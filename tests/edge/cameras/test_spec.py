"""What people type after `--camera`."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.kinds.files import FilesCamera
from hemato_edge.cameras.kinds.opencv import DeviceCamera, GStreamerCamera, StreamCamera, VideoFile
from hemato_edge.cameras.kinds.picamera import PiCamera
from hemato_edge.cameras.spec import make_camera
from hemato_edge.errors import CameraError
from hemato_edge.settings import CameraSettings


@pytest.mark.parametrize(
    ("spec", "kind", "name"),
    [
        ("1", DeviceCamera, "/dev/video1"),
        ("/dev/v4l/by-id/usb-x-index0", DeviceCamera, "/dev/v4l/by-id/usb-x-index0"),
        ("picamera", PiCamera, "picamera:0"),
        ("picamera:1", PiCamera, "picamera:1"),
        ("gst:videotestsrc ! appsink", GStreamerCamera, "gst:videotestsrc ! appsink"),
        ("rtsp://10.0.0.1/live", StreamCamera, "rtsp://10.0.0.1/live"),
        ("demo", DemoCamera, "demo slide 1"),
        ("demo:7", DemoCamera, "demo slide 7"),
    ],
)
def test_a_spec_names_its_camera(spec: str, kind: type, name: str) -> None:
    camera = make_camera(spec, CameraSettings())
    assert isinstance(camera, kind)
    assert camera.name == name


def test_zero_is_v4l2_where_libcamera_has_none() -> None:
    assert isinstance(make_camera("0", CameraSettings()), DeviceCamera)


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a.PNG").touch()
    assert isinstance(make_camera(str(tmp_path), CameraSettings()), FilesCamera)
    assert isinstance(make_camera(str(tmp_path / "a.PNG"), CameraSettings()), FilesCamera)
    assert isinstance(make_camera(str(tmp_path / "a.mp4"), CameraSettings()), VideoFile)


@pytest.mark.parametrize("spec", ["nonsense", "/no/such/folder", "picamera:x", "demo:x", "missing.png", ""])
def test_what_names_nothing_is_refused_with_the_next_step(spec: str) -> None:
    with pytest.raises(CameraError) as caught:
        make_camera(spec, CameraSettings()).open()
    assert caught.value.fix
