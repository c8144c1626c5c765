"""What does not move with the slide is told from what does."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from obstructed import Obstruction, clock, dust, reticle, scale_bar, vignette

from hemato_edge.aperture import Aperture
from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.vision.optics.overlays import OverlayWatch, _halved, covered_by, find_marks, split_by_width

FRAMES = 40
WHITE = (255, 255, 255)


@pytest.fixture(scope="module")
def walk() -> list[np.ndarray]:
    with OpenCamera(DemoCamera(5, frames=FRAMES)) as camera:
        return [camera.read(1.0).image for _ in range(FRAMES)]


def watched(walk: list[np.ndarray], obstruct: Obstruction) -> OverlayWatch:
    watch = OverlayWatch()
    for number, field in enumerate(walk):
        watch.add(obstruct(field, 7 * number))
    return watch


@pytest.mark.parametrize(
    "obstruct",
    [scale_bar((0, 0, 0)), scale_bar(WHITE), reticle(), reticle(1), clock(), clock((0, 0, 0)), clock(box=True), dust()],
)
def test_an_overlay_is_told_while_the_stage_moves(walk: list[np.ndarray], obstruct: Obstruction) -> None:
    watch = watched(walk, obstruct)
    assert watch.told
    assert watch.hidden is not None
    changed = np.abs(obstruct(walk[-1], 7 * FRAMES).astype(int) - walk[-1]).max(axis=2) > 40
    around = cv2.dilate(changed.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
    assert np.count_nonzero(watch.hidden & changed) > 0.9 * np.count_nonzero(changed)
    assert np.count_nonzero(watch.hidden & ~around) < 0.002 * changed.size


@pytest.mark.parametrize("fall", [0.0, 0.5])
def test_the_slide_itself_is_no_overlay(walk: list[np.ndarray], fall: float) -> None:
    watch = watched(walk, vignette(fall))
    assert watch.told
    assert watch.hidden is None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_walk_over_a_clean_slide_finds_an_overlay(seed: int) -> None:
    """Places that missed glass by chance in the first views: one walk in six found some."""
    frames = 120
    with OpenCamera(DemoCamera(seed, max_step_px=120.0, frames=frames)) as camera:
        fields = [_halved(camera.read(1.0).image) for _ in range(frames)]
    told = 0
    for start in range(0, 60, 6):
        for stride in (1, 2, 3):
            watch = OverlayWatch()
            for field in fields[start::stride]:
                watch.add(field)
            told += watch.told
            assert watch.hidden is None, (seed, start, stride)
    assert told > 15


@pytest.mark.parametrize("every", [15, 40])
def test_a_lamp_that_is_turned_makes_no_overlay(every: int) -> None:
    """Places that were glass under the weaker lamp only looked covered."""
    frames, gains = 240, (0.72, 1.0, 0.85, 0.62)
    with OpenCamera(DemoCamera(1, max_step_px=120.0, frames=frames)) as camera:
        fields = [camera.read(1.0).image for _ in range(frames)]
    watch = OverlayWatch()
    for number, field in enumerate(fields):
        watch.add(cv2.multiply(_halved(field), (gains[number // every % 4],) * 4))
        assert watch.hidden is None, number


@pytest.mark.parametrize("obstruct", [scale_bar((0, 0, 0)), reticle(), clock(), dust()])
def test_an_overlay_is_told_under_a_lamp_that_flickers(walk: list[np.ndarray], obstruct: Obstruction) -> None:
    flickering = [cv2.multiply(field, (1 - 0.05 * (number % 2),) * 4) for number, field in enumerate(walk)]
    watch = watched(flickering, obstruct)
    assert watch.told
    assert watch.hidden is not None
    changed = np.abs(obstruct(walk[-1], 7 * FRAMES).astype(int) - walk[-1]).max(axis=2) > 40
    assert np.count_nonzero(watch.hidden & changed) > 0.9 * np.count_nonzero(changed)


def test_a_stage_that_rests_tells_nothing(walk: list[np.ndarray]) -> None:
    watch = OverlayWatch()
    obstruct = scale_bar((0, 0, 0))
    assert not any(watch.add(obstruct(walk[0], number)) for number in range(100))
    assert not watch.told


@pytest.mark.parametrize("colour", [(0, 0, 0), WHITE, (0, 255, 0), (0, 0, 255), (0, 255, 255), (255, 0, 255)])
def test_marks_are_found_in_one_picture(walk: list[np.ndarray], colour: tuple[int, int, int]) -> None:
    field = walk[0]
    marked = scale_bar(colour)(field, 0)
    found = find_marks(marked, np.percentile(field.reshape(-1, 3), 90, axis=0))
    assert found is not None
    assert found[448:455, 490:600].all()
    assert found.mean() < 0.02


def test_a_field_has_no_marks(walk: list[np.ndarray]) -> None:
    assert find_marks(walk[0], np.percentile(walk[0].reshape(-1, 3), 90, axis=0)) is None


def test_the_wide_is_hidden_and_the_narrow_bridged() -> None:
    marks = np.zeros((100, 100), np.bool_)
    marks[10:40, 10:40] = marks[60:63] = True
    wide, narrow = split_by_width(marks)
    assert wide is not None
    assert narrow is not None
    assert wide[10:40, 10:40].all()
    assert not wide[60:63].any()
    assert narrow[60:63].all()
    aperture = covered_by(Aperture.whole(100, 100), marks, "overlay")
    assert aperture.kinds == ("overlay",)
    assert aperture.slide_px == 100 * 100 - 30 * 30


def test_what_hides_too_much_is_not_believed() -> None:
    whole = Aperture.whole(100, 100)
    assert covered_by(whole, np.ones((100, 100), np.bool_), "overlay") is whole
    assert covered_by(whole, None, "overlay") is whole
