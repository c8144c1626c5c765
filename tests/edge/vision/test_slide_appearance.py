"""How a slide looks: scale from red cells, else from white ones; stain from nuclei; bounded memory."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.labels import RBC, WBC
from hemato_edge.values import Detections
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_edge.vision.optics.nuclei import nuclei_in, sampling_step
from hemato_edge.vision.optics.stain import REFERENCE_NUCLEUS_OD, StainCalibration
from hemato_edge.vision.scale import WHITE_OVER_RED
from hemato_edge.vision.slide_appearance import ENOUGH_FOCUS, RELATIVE_FOCUS, AppearanceEstimator, FocusLevel


def red_cells(diameter: float, count: int = 6) -> Detections:
    """A row of red cells of one size, far from each other and from the border, and a white cell behind them."""
    x = 100 + 3 * diameter * np.arange(count + 1)
    boxes = np.stack([x, np.full_like(x, 100), x + diameter, np.full_like(x, 100 + diameter)], axis=1)
    boxes[-1, 3] += 50
    kinds = np.array([RBC] * count + [WBC], np.int8)
    return Detections(boxes.astype(np.float32), kinds, np.full(count + 1, 0.9, np.float32))


def test_nothing_seen_is_no_look() -> None:
    assert AppearanceEstimator().appearance() is None


def test_a_field_teaches_scale_and_stain() -> None:
    looks = AppearanceEstimator()
    for seed in (1, 2, 3):
        image, _ = draw_field(seed)
        view = FieldView(image)
        looks.add_field(view, OpenCvLocator().locate(view))
    look = looks.appearance()
    assert look is not None
    assert look.red_cell_px == pytest.approx(69, rel=0.12)
    assert look.stain.looks == 3
    assert look.stain.nucleus_od[1] == pytest.approx(REFERENCE_NUCLEUS_OD[1], rel=0.3)
    assert look.stain.red_od is not None
    assert 0 < look.stain.red_od[1] < look.stain.nucleus_od[1]


def test_the_stain_of_a_large_picture_is_measured_in_some_of_its_pixels() -> None:
    image, _ = draw_field(2)
    found = OpenCvLocator().locate(FieldView(image))
    large = Detections(found.boxes * 4, found.kinds, found.scores)
    stains = []
    for picture, cells in ((image, found), (cv2.resize(image, None, fx=4, fy=4), large)):
        looks, view = AppearanceEstimator(), FieldView(np.asarray(picture, np.uint8))
        looks.add_field(view, cells)
        look = looks.appearance()
        assert look is not None
        stains.append(look.stain)
        marked = nuclei_in(view, cells, sampling_step(look.red_cell_px))
    assert np.count_nonzero(marked) < np.count_nonzero(nuclei_in(view, cells)) / 8
    assert stains[1].nucleus_od == pytest.approx(stains[0].nucleus_od, abs=0.06)


def test_white_cells_are_the_ruler_where_no_red_cell_is_seen() -> None:
    looks = AppearanceEstimator()
    for size in (90.0, 100.0, 120.0):
        looks.add_white_size(size)
    look = looks.appearance()
    assert look is not None
    assert look.red_cell_px == pytest.approx(100 / WHITE_OVER_RED)
    assert look.stain == StainCalibration.reference()


def test_a_few_chance_finds_of_red_cells_are_no_ruler() -> None:
    looks = AppearanceEstimator(1000)
    for _ in range(50):
        looks.add_white_size(100)
        looks.add_red_cells(Detections.empty())
    looks.add_red_cells(red_cells(9))
    assert looks.red_cell_px == pytest.approx(100 / WHITE_OVER_RED)
    for _ in range(10):
        looks.add_red_cells(red_cells(60))
    assert looks.red_cell_px == pytest.approx(60, rel=0.05)


def test_the_median_follows_a_change_of_the_objective() -> None:
    looks = AppearanceEstimator(memory=10)
    for diameter in [40.0] * 50 + [80.0] * 10:
        looks.add_red_cells(red_cells(diameter))
    assert looks.red_cell_px == pytest.approx(80, rel=0.05)


def test_focus_is_held_against_the_sharp_pictures_of_a_session() -> None:
    level = FocusLevel(64)
    for _ in range(ENOUGH_FOCUS - 1):
        level.add(0.5)
    assert level.least() == 0, "too few to tell"
    level.add(0.5)
    assert level.least() == pytest.approx(RELATIVE_FOCUS * 0.5)
    level.add(5.0)  # one picture, as of dust or noise, is no measure
    assert level.least() == pytest.approx(RELATIVE_FOCUS * 0.5)


def test_a_part_of_a_slide_that_is_less_sharp_is_not_shut_out_for_long() -> None:
    level = FocusLevel(64)
    for _ in range(200):
        level.add(0.6)
    frames = 0
    while level.least() > 0.2:
        level.add(0.2)
        frames += 1
    assert frames <= 64
