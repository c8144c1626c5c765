"""Recordings that are decoded frame by frame, some of whose data are lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from all_frames import read_all
from waiting import DEADLINE_S

from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.drivers.opencv import VideoFile

FRAMES, MOST_OFF = 60, 5.0
"""Frames of the walk; mean difference from the drawn frame in levels, by which one counts as wrong (coded ones: 4)."""


@pytest.fixture(scope="module")
def walk() -> list[np.ndarray]:
    with OpenCamera(DemoCamera(1)) as camera:
        return [camera.read(1).image for _ in range(FRAMES)]


@pytest.fixture(scope="module")
def recording(walk: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("walk") / "walk.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"XVID"), 20, (640, 480))
    for frame in walk:
        writer.write(frame)
    writer.release()
    return path.read_bytes()


def off(image: np.ndarray, walk: list[np.ndarray]) -> float:
    return min(float(np.abs(image[::8, ::8].astype(int) - frame[::8, ::8]).mean()) for frame in walk)


@pytest.mark.parametrize("seed", range(4))
def test_frames_that_the_decoder_made_up_are_skipped_and_counted(
    tmp_path: Path, recording: bytes, walk: list[np.ndarray], seed: int
) -> None:
    content, random = bytearray(recording), np.random.default_rng(seed)
    for at in random.integers(len(content) // 5, len(content) * 4 // 5, 2):
        content[at : at + 600] = random.integers(0, 256, 600, dtype=np.uint8).tobytes()
    path = tmp_path / "damaged.avi"
    path.write_bytes(content)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    handed_out = []
    while (frame := capture.read())[0]:
        handed_out.append(off(frame[1], walk))
    capture.release()
    assert max(handed_out) > MOST_OFF, "the damage must be seen, or this shows nothing"
    with OpenCamera(VideoFile(path)) as camera:
        images = read_all(camera)
        assert camera.skipped["damaged"] >= sum(value > MOST_OFF for value in handed_out)
        assert len(images) + camera.skipped["damaged"] <= FRAMES
    assert len(images) >= 10
    assert max(off(image, walk) for image in images) < MOST_OFF


def test_a_recording_damaged_up_to_its_end_is_not_called_cut_off(tmp_path: Path, recording: bytes) -> None:
    content = bytearray(recording)
    start = content.rindex(b"idx1") - 20_000
    content[start : start + 600] = bytes(600)
    path = tmp_path / "end.avi"
    path.write_bytes(content)
    with OpenCamera(VideoFile(path)) as camera:
        images = read_all(camera)
        assert camera.skipped["damaged"] >= FRAMES - len(images) - 1
        assert not camera.skipped["cut_off_video"]


def test_an_intact_recording_is_read_to_its_end(tmp_path: Path, recording: bytes) -> None:
    path = tmp_path / "intact.avi"
    path.write_bytes(recording)
    with OpenCamera(VideoFile(path)) as camera:
        assert len(read_all(camera)) == FRAMES
        assert not camera.skipped


def test_ffmpegs_log_is_its_own_again_when_all_videos_are_closed(tmp_path: Path, recording: bytes) -> None:
    path = tmp_path / "walk.avi"
    path.write_bytes(recording)
    one, other = VideoFile(path), VideoFile(path)
    one.open()
    listener = one._capture._listener  # type: ignore[union-attr]
    other.open()
    one.close()
    assert listener._open == 1
    other.close()
    assert listener._open == 0


def test_a_program_that_ends_without_closing_a_damaged_video_does_not_hang(tmp_path: Path, recording: bytes) -> None:
    content = bytearray(recording)
    for at in range(len(content) // 3, len(content) - 60_000, 20_000):
        content[at : at + 300] = bytes(300)
    path = tmp_path / "damaged.avi"
    path.write_bytes(content)
    script = (
        "import sys; from pathlib import Path; from hemato_edge.cameras.drivers.opencv import VideoFile\n"
        "cameras = [VideoFile(Path(sys.argv[1])) for _ in range(4)]\n"
        "for camera in cameras:\n    camera.open(); camera.read(5); camera.read(5)\n"
        "print('read')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "read\n"), ended.stderr
