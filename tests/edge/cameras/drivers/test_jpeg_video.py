"""Recordings in motion JPEG: frames that are cut off, and frames that change size."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from all_frames import read_all

from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.cameras.drivers.opencv import VideoFile
from hemato_edge.errors import CameraError


def coded(image: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".jpg", image)[1])


@pytest.fixture(scope="module")
def fields() -> list[np.ndarray]:
    return [draw_field(seed)[0] for seed in (1, 2, 3)]


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.8, 0.97])
def test_a_frame_that_is_cut_off_is_skipped_and_counted(tmp_path: Path, fields: list[np.ndarray], kept: float) -> None:
    first, torn, last = (coded(field) for field in fields)
    path = tmp_path / "torn.mjpeg"
    path.write_bytes(first + torn[: int(kept * len(torn))] + last)
    with OpenCamera(VideoFile(path)) as camera:
        images = read_all(camera)
        assert camera.skipped == {"damaged": 1}
    assert [np.abs(image.astype(int) - fields[i]).mean() < 4 for image, i in zip(images, (0, 2), strict=True)] == [
        True
    ] * 2


def test_a_frame_with_a_lost_sector_is_skipped_and_counted(tmp_path: Path, fields: list[np.ndarray]) -> None:
    first, damaged, last = (coded(field) for field in fields)
    path = tmp_path / "lost.mjpeg"
    path.write_bytes(first + damaged[:9000] + bytes(512) + damaged[9512:] + last)
    with OpenCamera(VideoFile(path)) as camera:
        assert len(read_all(camera)) == 2
        assert camera.skipped == {"damaged": 1}


def test_intact_frames_are_all_read(tmp_path: Path, fields: list[np.ndarray]) -> None:
    path = tmp_path / "intact.mjpeg"
    path.write_bytes(b"".join(coded(field) for field in fields))
    with OpenCamera(VideoFile(path)) as camera:
        assert len(read_all(camera)) == 3
        assert not camera.skipped


def test_a_recording_whose_frames_change_size_ends_there(tmp_path: Path, fields: list[np.ndarray]) -> None:
    path = tmp_path / "two.mjpeg"
    path.write_bytes(2 * coded(fields[0]) + 2 * coded(fields[1][:400, :480]))
    with OpenCamera(VideoFile(path)) as camera:
        assert [camera.read(1).image.shape for _ in range(2)] == [(480, 640, 3)] * 2
        with pytest.raises(CameraError, match="640×480 pixels at first, 480×400 from frame 3 on"):
            camera.read(1)
