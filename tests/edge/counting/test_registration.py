"""Registration on frames whose true pose is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.cameras.demo import DemoCamera
from hemato_edge.cameras.slide import draw_field
from hemato_edge.counting.registration import Registration


def walk(camera: DemoCamera, frames: int):
    camera.open()
    for _ in range(frames):
        yield camera.read(1.0)
    camera.close()


def test_follows_the_stage_through_shake_noise_and_uneven_light() -> None:
    camera, registration = DemoCamera(2), Registration()
    errors, reached = [], 0.0
    for frame in walk(camera, 200):
        pose = registration.locate(frame.image)
        start, now = camera.true_pose(0), camera.true_pose(frame.index)
        reached = max(reached, now[0] - start[0])
        errors.append(np.hypot(pose.x_px - (now[0] - start[0]), pose.y_px - (now[1] - start[1])))
    assert registration.lost == 0
    assert reached > 2000
    assert max(errors) < 10  # a seventh of a red cell


def test_a_still_stage_stays_where_it_is() -> None:
    camera, registration = DemoCamera(3, still=True), Registration()
    for frame in walk(camera, 60):
        pose = registration.locate(frame.image)
        assert abs(pose.x_px) < 3
        assert abs(pose.y_px) < 3


def test_a_jump_starts_a_new_region_and_is_recorded() -> None:
    registration = Registration()
    assert registration.locate(draw_field(1)[0]).region == 0
    after = registration.locate(draw_field(2)[0])
    assert (after.region, after.x_px, after.y_px, registration.lost) == (1, 0.0, 0.0, 1)


@pytest.mark.parametrize("shift", [(0, 0), (37, -12), (-150, 60)])
def test_shift_is_found_under_a_brightness_step(shift: tuple[int, int]) -> None:
    field = DemoCamera(1, clean=True, frame_size=(1000, 800), still=True)
    image = next(walk(field, 1)).image
    registration = Registration()
    registration.locate(image[150:630, 180:820])
    moved = image[150 + shift[1] : 630 + shift[1], 180 + shift[0] : 820 + shift[0]]
    pose = registration.locate((moved * 0.8).astype(np.uint8))
    assert registration.lost == 0
    assert pose.x_px == pytest.approx(shift[0], abs=1.5)
    assert pose.y_px == pytest.approx(shift[1], abs=1.5)


def test_an_image_that_was_given_is_not_changed() -> None:
    registration = Registration()
    image = draw_field(1)[0]
    before = image.copy()
    for _ in range(3):
        assert registration.locate(image).confidence == pytest.approx(1, abs=1e-3)
    assert np.array_equal(image, before)


def test_a_blurred_stretch_does_not_lose_the_stage() -> None:
    """Frames that are out of focus are followed, not counted; the sharp one behind them is still on the map."""
    field = DemoCamera(1, clean=True, frame_size=(1900, 520), still=True)
    image = next(walk(field, 1)).image
    registration = Registration()
    registration.locate(image[:480, :640])
    for x in range(60, 600, 60):
        view = image[:480, x : x + 640]
        assert registration.follow(cv2.GaussianBlur(view, (0, 0), 5)) is not None
    pose = registration.locate(image[:480, 600:1240])
    assert registration.lost == 0
    assert pose.x_px == pytest.approx(600, abs=8)


def test_following_never_starts_a_region() -> None:
    registration = Registration()
    registration.locate(draw_field(1)[0])
    assert registration.follow(draw_field(2)[0]) is None
    assert registration.locate(draw_field(1)[0]).region == 0
    assert registration.lost == 0
