"""What people type after `--camera`."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.drivers.files import FilesCamera
from hemato_edge.cameras.drivers.opencv import GStreamerCamera, StreamCamera, VideoFile
from hemato_edge.cameras.drivers.picamera import PiCamera
from hemato_edge.cameras.drivers.v4l2 import DeviceCamera
from hemato_edge.cameras.factory import make_guarded_camera
from hemato_edge.cameras.registry import NAMED, kinds, make_camera, table
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


@pytest.mark.parametrize(
    ("spec", "near"),
    [("picamra", "picamera"), ("rtps://10.0.0.1/live", "rtsp"), ("Demo:3", "demo"), ("gts:videotestsrc", "gst")],
)
def test_an_unknown_kind_is_refused_with_near_names(spec: str, near: str) -> None:
    with pytest.raises(CameraError) as caught:
        make_guarded_camera(spec, CameraSettings())
    assert near in caught.value.fix.partition("?")[0]


def test_no_two_kinds_take_the_same() -> None:
    every = [example for kind in kinds() for example in kind.examples] + ["RTP://239.0.0.1:5004", "udp://@:1234"]
    for example in every:
        assert len([kind for kind in NAMED if kind.takes(example)]) <= 1, example
    assert {kind.name for kind in NAMED for example in every if kind.takes(example)} == {k.name for k in NAMED}


def test_what_a_driver_or_a_decoder_reads_is_isolated() -> None:
    assert {kind.name for kind in kinds() if not kind.isolated} == {"demo", "live-demo", "files"}


def test_the_table_of_the_documentation_is_current() -> None:
    kept = (Path(__file__).parents[3] / "docs" / "reference" / "cameras.md").read_text(encoding="utf-8")
    assert kept == table(), "python -m hemato_edge.cameras.registry > docs/reference/cameras.md"


@pytest.mark.parametrize("spec", ["nonsense", "/no/such/folder", "picamera:x", "demo:x", "missing.png", ""])
def test_what_names_nothing_is_refused_with_the_next_step(spec: str) -> None:
    with pytest.raises(CameraError) as caught:
        make_camera(spec, CameraSettings()).open()
    assert caught.value.fix
