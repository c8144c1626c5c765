from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from hemato_edge.aperture import Aperture
from hemato_edge.mosaic.canvas import paint, plan_of, shading_of
from hemato_edge.mosaic.collector import KeptFrame

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (160, 120)
GLASS = 230


@pytest.fixture(scope="module")
def slide() -> np.ndarray:
    """Smooth blobs on glass, (400, 600, 3)."""
    rng = np.random.default_rng(3)
    picture = np.full((400, 600, 3), GLASS, np.uint8)
    for _ in range(160):
        centre = int(rng.integers(0, 600)), int(rng.integers(0, 400))
        cv2.circle(picture, centre, int(rng.integers(6, 14)), rng.integers(60, 200, 3).tolist(), -1, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (0, 0), 1.5)


def kept(folder: Path, picture: np.ndarray, x: float, y: float, focus: float = 1.0, angle: float = 0.0) -> KeptFrame:
    path = folder / f"{len(list(folder.glob('*.png')))}.png"
    cv2.imwrite(str(path), picture)
    height, width = picture.shape[:2]
    glass = np.full(3, float(np.percentile(picture, 98)))
    return KeptFrame(path, 0, x, y, angle, focus, glass, Aperture.whole(width, height))


def frame_of(slide: np.ndarray, x: int, y: int) -> np.ndarray:
    return slide[y : y + SIZE[1], x : x + SIZE[0]]


def walk(folder: Path, slide: np.ndarray) -> list[KeptFrame]:
    return [kept(folder, frame_of(slide, x, y), x, y) for y in (0, 80, 160) for x in range(0, 400, 90)]


def test_frames_at_their_places_give_the_slide_again(slide: np.ndarray, tmp_path: Path) -> None:
    frames = walk(tmp_path, slide)
    plan = plan_of(frames)
    assert (plan.width, plan.height, plan.scale) == (360 + SIZE[0], 160 + SIZE[1], 1.0)
    canvas = paint(frames, plan, tmp_path / "canvas")
    assert canvas.shape == (plan.height, plan.width, 3)
    assert np.abs(canvas.astype(int) - slide[: plan.height, : plan.width]).max() <= 4


def test_what_was_not_seen_is_white(slide: np.ndarray, tmp_path: Path) -> None:
    frames = [kept(tmp_path, frame_of(slide, 0, 0), 0, 0), kept(tmp_path, frame_of(slide, 300, 200), 300, 200)]
    canvas = paint(frames, plan_of(frames), tmp_path / "canvas")
    assert (canvas[10:60, 250:] == 255).all()
    assert np.abs(canvas[5:100, 5:100].astype(int) - slide[5:100, 5:100]).max() <= 2


def test_a_fraction_of_a_pixel_and_a_rotation_are_put_right(slide: np.ndarray, tmp_path: Path) -> None:
    x, y, angle = 200.4, 150.7, 7.0
    middle = (x + (SIZE[0] - 1) / 2, y + (SIZE[1] - 1) / 2)
    turn = cv2.getRotationMatrix2D(middle, angle, 1.0)  # the frame is rotated on the slide: the slide turns back in it
    turn[:, 2] -= (x, y)
    seen = cv2.warpAffine(slide, turn, SIZE, flags=cv2.INTER_CUBIC)
    frames = [kept(tmp_path, frame_of(slide, 0, 0), 0, 0), kept(tmp_path, seen, x, y, angle=angle)]
    canvas = paint(frames, plan_of(frames), tmp_path / "canvas")
    inner = np.s_[180:240, 240:320]
    straight = slide[inner].astype(int)
    assert np.abs(canvas[inner].astype(int) - straight).mean() < 4
    off = [np.abs(np.roll(canvas, s, (0, 1))[inner].astype(int) - straight).mean() for s in ((2, 0), (0, 2), (-2, 0))]
    assert min(off) > 2 * np.abs(canvas[inner].astype(int) - straight).mean()


def test_the_sharpest_view_is_on_top(slide: np.ndarray, tmp_path: Path) -> None:
    sharp = frame_of(slide, 100, 100)
    frames = [
        kept(tmp_path, sharp, 100, 100, focus=0.5),
        kept(tmp_path, cv2.GaussianBlur(sharp, (0, 0), 5), 104, 100, focus=0.2),
    ]
    canvas = paint(frames, plan_of(frames), tmp_path / "canvas")
    inner = np.s_[40:80, 40:120]
    assert np.abs(canvas[inner].astype(int) - sharp[inner]).max() <= 2


def test_brightness_and_uneven_light_are_evened_out(slide: np.ndarray, tmp_path: Path) -> None:
    across = np.linspace(0.7, 1.0, SIZE[0], dtype=np.float32)[None, :, None]
    frames = [
        kept(tmp_path, (frame_of(slide, x, y) * across * gain).astype(np.uint8), x, y)
        for y in (0, 80, 160)
        for x, gain in zip(range(0, 400, 60), np.linspace(0.85, 1.0, 7), strict=True)
    ]
    light = shading_of(frames)
    assert light is not None
    assert light.shape == (SIZE[1], SIZE[0])
    assert light[:, :20].mean() < 0.92 < 1.06 < light[:, -20:].mean()
    canvas = paint(frames, plan_of(frames), tmp_path / "canvas")
    glass = canvas[(slide[: canvas.shape[0], : canvas.shape[1]] > GLASS - 2).all(axis=2)].astype(float)
    assert glass.std() / glass.mean() < 0.04  # 0.11 without
    assert shading_of(frames[:5]) is None


def test_a_region_that_is_too_large_is_shrunk(slide: np.ndarray, tmp_path: Path) -> None:
    frames = walk(tmp_path, slide)
    plan = plan_of(frames, most_pixels=40_000)
    assert plan.width * plan.height == pytest.approx(40_000, rel=0.02)
    canvas = paint(frames, plan, tmp_path / "canvas")
    wanted = cv2.resize(slide[:280, :520], (plan.width, plan.height), interpolation=cv2.INTER_LINEAR)
    assert np.abs(canvas.astype(int) - wanted).mean() < 6


def test_a_picture_that_is_gone_is_left_out(slide: np.ndarray, tmp_path: Path) -> None:
    frames = walk(tmp_path, slide)
    frames[0].path.unlink()
    canvas = paint(frames, plan_of(frames), tmp_path / "canvas")
    assert (canvas[:70, :80] == 255).all()
