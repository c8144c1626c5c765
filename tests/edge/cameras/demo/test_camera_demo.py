"""The demo camera: it keeps the camera's contract, and its truth can be trusted."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from hemato_edge.cameras.camera import EndOfFrames, OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.demo.slide import SLIDE_SIZE_PX, DrawnSlide
from hemato_edge.cameras.demo.stage import Walk
from hemato_edge.errors import CameraError, ConfigurationError
from hemato_edge.values import Pose

if TYPE_CHECKING:
    from hemato_edge.values import Frame


def read_all(camera: DemoCamera) -> list[Frame]:
    frames = []
    with OpenCamera(camera) as source:
        while True:
            try:
                frames.append(source.read(1.0))
            except EndOfFrames:
                return frames


def moved(first: Frame, second: Frame) -> tuple[float, float]:
    """How far the slide's contents moved between two frames, by phase correlation, x y in pixels."""
    window = cv2.createHanningWindow((640, 480), cv2.CV_32F)
    greens = [np.ascontiguousarray(frame.image[..., 1], np.float32) for frame in (first, second)]
    (x, y), _ = cv2.phaseCorrelate(greens[0], greens[1], window)
    return x, y


class EmptySlide:
    """Glass: quickly drawn, for tests of the walk."""

    size_px, truth = SLIDE_SIZE_PX, ()

    def view(self, x_px: float, y_px: float, size_px: tuple[int, int] = (640, 480)) -> np.ndarray:
        assert 0 <= x_px <= SLIDE_SIZE_PX[0] - size_px[0]
        assert 0 <= y_px <= SLIDE_SIZE_PX[1] - size_px[1]
        return np.full((size_px[1], size_px[0], 3), 200, np.uint8)


def test_the_same_seed_gives_the_same_frames_and_another_seed_others() -> None:
    drawn_anew = (DemoCamera(seed, frames=12, slide=DrawnSlide(seed)) for seed in (1, 1, 2))
    first, again, other = map(read_all, drawn_anew)
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
        assert not np.array_equal(a.image, c.image)


def test_frames_are_stamped_and_numbered() -> None:
    frames = read_all(DemoCamera(3, frames=5))
    assert [frame.index for frame in frames] == list(range(5))
    for frame in frames:
        assert frame.image.shape == (480, 640, 3)
        assert frame.image.dtype == np.uint8
        assert frame.source == "demo slide 3"
        assert frame.utc.utcoffset() == timedelta(0)
        assert not frame.independent
    assert all(a.monotonic_s <= b.monotonic_s for a, b in pairwise(frames))


def test_the_walk_ends_where_it_was_said_to_end() -> None:
    camera = DemoCamera(1, clean=True, slide=EmptySlide())
    assert camera.total_frames is not None
    assert 800 <= camera.total_frames <= 1500
    assert not camera.live
    assert len(read_all(camera)) == camera.total_frames
    with pytest.raises(CameraError, match="not open"):
        camera.read(1.0)


def test_the_end_is_the_end_until_it_is_opened_again() -> None:
    camera = DemoCamera(1, frames=2)
    camera.open()
    first = camera.read(1.0)
    camera.read(1.0)
    for _ in range(2):
        with pytest.raises(EndOfFrames):
            camera.read(1.0)
    camera.open()
    np.testing.assert_array_equal(camera.read(1.0).image, first.image)
    camera.close()
    camera.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_walk_shows_enough_white_cells(seed: int) -> None:
    camera = DemoCamera(seed)
    assert camera.total_frames is not None
    by_700 = Counter(one.kind for one in camera.truth_seen(700))
    at_end = camera.truth_seen(camera.total_frames - 1)
    assert by_700["wbc"] >= 100
    assert sum(one.kind == "wbc" for one in at_end) >= 130
    assert len({one.label for one in at_end if one.kind == "wbc"}) == 7


def test_truth_seen_needs_the_whole_box_in_a_frame() -> None:
    camera = DemoCamera(1, still=True, clean=True, start=(500, 500), frames=3)
    boxes = np.array([one.box for one in camera.truth_seen(2)])
    assert len(boxes) > 15
    assert (boxes[:, :2] >= 500).all()
    assert (boxes[:, 2] <= 500 + 640).all()
    assert (boxes[:, 3] <= 500 + 480).all()


def test_what_moves_in_the_picture_is_what_the_true_pose_says() -> None:
    camera = DemoCamera(2, clean=True, max_step_px=9.3, frames=40)
    frames = read_all(camera)
    for a, b in zip(frames[15::8], frames[18::8], strict=False):
        (ax, ay), (bx, by) = camera.true_pose(a.index), camera.true_pose(b.index)
        x, y = moved(a, b)
        assert x == pytest.approx(ax - bx, abs=0.3)
        assert y == pytest.approx(ay - by, abs=0.3)
        assert abs(ax - bx) > 5


def test_shake_and_drift_are_in_the_true_pose() -> None:
    camera = DemoCamera(1, still=True, frames=30)
    frames = read_all(camera)
    assert len({camera.true_pose(k) for k in range(30)}) == 30
    ax, ay = camera.true_pose(0)
    for frame in frames[1::7]:
        bx, by = camera.true_pose(frame.index)
        assert moved(frames[0], frame) == pytest.approx((ax - bx, ay - by), abs=0.3)


def test_steps_are_small_and_gentle() -> None:
    camera = DemoCamera(1, clean=True)
    assert camera.total_frames is not None
    poses = np.array([camera.true_pose(k) for k in range(camera.total_frames)])
    steps = np.hypot(*np.diff(poses, axis=0).T)
    assert steps.max() <= 39.0 + 1e-6
    assert np.abs(np.diff(steps)).max() < 8
    assert np.count_nonzero(steps == 0) > 30


def test_a_still_stage_never_moves() -> None:
    camera = DemoCamera(1, still=True, frames=80)
    poses = np.array([camera.true_pose(k) for k in range(80)])
    assert np.abs(poses - poses.mean(axis=0)).max() < 2
    clean = read_all(DemoCamera(1, still=True, clean=True, frames=3))
    np.testing.assert_array_equal(clean[0].image, clean[2].image)
    noisy = read_all(DemoCamera(1, still=True, frames=3))
    assert not np.array_equal(noisy[0].image, noisy[2].image)


def test_the_focus_is_lost_now_and_then() -> None:
    camera = DemoCamera(1)
    assert camera.total_frames is not None
    blur = np.array([camera.blur_px(k) for k in range(camera.total_frames)])
    assert 0.02 <= (blur > 2.5).mean() <= 0.06
    assert np.median(blur) < 0.8
    worst = int(np.argmax(blur[:300]))
    frames = read_all(DemoCamera(1, frames=worst + 26))
    blurred, sharp = (cv2.GaussianBlur(frames[k].image[..., 1], (0, 0), 1.0) for k in (worst, worst + 25))
    assert cv2.Laplacian(blurred, cv2.CV_32F).std() < 0.6 * cv2.Laplacian(sharp, cv2.CV_32F).std()


def test_the_light_is_uneven_and_does_not_saturate() -> None:
    frame = read_all(DemoCamera(1, frames=1))[0].image
    assert np.percentile(frame[200:280, 280:400], 95) > 1.04 * np.percentile(frame[:60, :60], 95)
    assert (frame == 255).mean() < 0.01


def test_another_frame_size() -> None:
    frames = read_all(DemoCamera(1, frame_size=(800, 600), frames=2))
    assert frames[1].image.shape == (600, 800, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"frame_size": (5000, 480)},  # wider than the slide
        {"start": (-1.0, 0.0)},  # beside the slide
        {"start": (3900.0, 0.0)},  # the frame would reach over the border
        {"max_step_px": 0.0},  # would never arrive
        {"frames": 0},  # no frame at all
        {"seed": -1},  # no such slide
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        DemoCamera(**wrong)  # type: ignore[arg-type]


def test_a_slide_that_turns_shows_its_cells_where_the_angle_says() -> None:
    """A white cell near a corner of the turned frame is found where the true pose puts it."""
    poses, angles = np.array([[900.0, 700.0], [900.0, 700.0]]), np.array([0.0, 4.0])
    camera = DemoCamera(3, clean=True, walk=Walk(poses, angles=angles))
    straight, turned = (frame.image for frame in read_all(camera))
    pose = Pose(0, *camera.true_pose(1), 1.0, camera.true_angle(1))
    for place in ((1000.0, 800.0), (1440.0, 1080.0), (1220.0, 940.0)):
        x, y = pose.in_frame(np.array([place]), (640, 480))[0]
        there = cv2.getRectSubPix(turned, (41, 41), (x - 0.5, y - 0.5)).astype(float)
        turn = cv2.getRotationMatrix2D((place[0] - 900.5, place[1] - 700.5), 4.0, 1.0)
        here = cv2.getRectSubPix(
            cv2.warpAffine(straight, turn, (640, 480)), (41, 41), (place[0] - 900.5, place[1] - 700.5)
        ).astype(float)
        assert np.abs(there - here).mean() < 4
        assert np.corrcoef(there.ravel(), here.ravel())[0, 1] > 0.97
