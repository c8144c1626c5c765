"""Videos and devices through OpenCV: real video files, missing and unusable devices."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from all_frames import read_all

from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.drivers.opencv import GStreamerCamera, StreamCamera, VideoFile, has_gstreamer
from hemato_edge.cameras.drivers.v4l2 import DeviceCamera
from hemato_edge.errors import CameraError

FRAMES = 25


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    with OpenCamera(DemoCamera(1)) as camera:
        return [camera.read(1).image for _ in range(FRAMES)]


@pytest.fixture(scope="module", params=["mp4", "avi"])
def video(request, frames, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("video") / f"walk.{request.param}"
    codec = cv2.VideoWriter_fourcc(*("mp4v" if request.param == "mp4" else "MJPG"))
    writer = cv2.VideoWriter(str(path), codec, 10, (frames[0].shape[1], frames[0].shape[0]))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def test_every_frame_of_a_video_is_read_in_order(video: Path, frames) -> None:
    with OpenCamera(VideoFile(video)) as camera:
        assert camera.total_frames == FRAMES
        assert not camera.live
        images = read_all(camera)
    assert len(images) == FRAMES
    for image, frame in zip(images, frames, strict=True):
        assert np.abs(image.astype(int) - frame).mean() < 8
    assert not camera.skipped


def test_a_video_that_was_cut_off_says_so(video: Path, tmp_path: Path) -> None:
    cut = tmp_path / video.name
    content = video.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    camera = VideoFile(cut)
    if video.suffix == ".mp4":  # its index stood at the end
        with pytest.raises(CameraError, match="cut off before its index") as caught, OpenCamera(camera):
            pass
        assert "ffmpeg" in caught.value.fix
        return
    with OpenCamera(camera):
        images = read_all(camera)
    assert 5 < len(images) < FRAMES
    assert camera.skipped == {"cut_off_video": FRAMES - len(images)}


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("not a video")
    with pytest.raises(CameraError, match="cannot be read as a video"), OpenCamera(VideoFile(path)):
        pass


def test_a_grey_video_is_refused(tmp_path: Path, frames) -> None:
    path = tmp_path / "grey.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (640, 480))
    for frame in frames[:3]:
        writer.write(np.repeat(frame[:, :, 1:2], 3, axis=2))
    writer.release()
    with pytest.raises(CameraError, match="grey"), OpenCamera(VideoFile(path)):
        pass


def test_a_missing_device_names_what_there_is() -> None:
    with pytest.raises(CameraError, match="no camera /dev/video97") as caught, OpenCamera(DeviceCamera(97)):
        pass
    assert "demo" in caught.value.fix
    assert caught.value.exit_code == 3


def test_a_device_that_is_no_camera_gives_no_frame(tmp_path: Path) -> None:
    path = tmp_path / "video0"
    path.write_bytes(b"")
    with pytest.raises(CameraError, match="gives no frame") as caught, OpenCamera(DeviceCamera(str(path))):
        pass
    assert "fuser" in caught.value.fix


def test_a_stream_nobody_serves_is_refused_in_time() -> None:
    camera = StreamCamera("rtsp://user:secret@127.0.0.1:9/none", open_timeout_s=2, read_timeout_s=1)
    with pytest.raises(CameraError, match="No picture came from") as caught, OpenCamera(camera):
        pass
    assert "secret" not in str(caught.value)


def test_gstreamer_is_refused_where_opencv_has_none() -> None:
    if has_gstreamer():
        pytest.skip("this OpenCV has GStreamer")
    with pytest.raises(CameraError, match="no GStreamer") as caught, OpenCamera(GStreamerCamera("videotestsrc")):
        pass
    assert "python3-opencv" in caught.value.fix
    assert "system-site-packages" in caught.value.fix


def test_an_appsink_is_appended_only_where_it_is_missing() -> None:
    assert GStreamerCamera("videotestsrc").name.endswith("appsink drop=true max-buffers=2")
    assert GStreamerCamera("nvarguscamerasrc ! appsink").name == "gst:nvarguscamerasrc ! appsink"


def test_frames_that_are_too_large_are_refused_by_their_header(tmp_path: Path) -> None:
    path = tmp_path / "huge.mjpeg"
    path.write_bytes(cv2.imencode(".jpg", np.full((8000, 8100), 200, np.uint8))[1].tobytes() * 2)
    camera = VideoFile(path)
    with pytest.raises(CameraError, match="65 megapixels"):
        camera.open()
    assert camera._capture is None
