"""Crops: centred, to scale, padded with background, brought to the reference stain."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.vision.classify.crops import (
    CROP_RED_CELLS,
    crop_side_px,
    cut_crop,
    cut_square,
    halvings,
    prepare,
)
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.optics.stain import StainCalibration, apply_stain

GLASS = (200, 225, 250)


@pytest.fixture
def field() -> np.ndarray:
    picture = np.full((480, 640, 3), GLASS, np.uint8)
    cv2.circle(picture, (300, 200), 40, (120, 40, 80), -1, cv2.LINE_AA)
    return picture


def test_the_cell_is_in_the_middle_at_the_right_size(field: np.ndarray) -> None:
    crop = cut_crop(FieldView(field), (300, 200), 160, 80)
    assert crop.shape == (80, 80, 3)
    dark = crop[:, :, 1] < 130
    rows, columns = np.nonzero(dark)
    assert (rows.mean(), columns.mean()) == pytest.approx((39.5, 39.5), abs=1)
    assert dark.sum() == pytest.approx(np.pi * 20**2, rel=0.05)


def test_scale_follows_the_red_cells() -> None:
    assert crop_side_px(70) == CROP_RED_CELLS * 70


@pytest.mark.parametrize("centre", [(5, 5), (639, 200), (300, 479), (-100, -100), (2000, 2000)])
def test_what_lies_outside_is_background(field: np.ndarray, centre: tuple[float, float]) -> None:
    crop = cut_crop(FieldView(field), centre, 200, 64)
    assert crop.shape == (64, 64, 3)
    assert np.abs(crop.reshape(-1, 3).astype(int) - GLASS).max(axis=1).min() == 0
    assert np.median(crop.reshape(-1, 3), axis=0) == pytest.approx(GLASS, abs=2)


def test_shrinking_averages_and_does_not_alias() -> None:
    stripes = np.zeros((200, 200, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.ptp(cut_crop(FieldView(stripes), (100, 100), 160, 40)) <= 2


def test_a_crop_needs_a_side(field: np.ndarray) -> None:
    with pytest.raises(ValueError, match="at least one pixel"):
        cut_crop(FieldView(field), (10, 10), 0.2, 64)


def test_prepare_stains_and_turns_to_rgb(field: np.ndarray) -> None:
    stain = StainCalibration(GLASS, (0.5, 1.5, 1.0))
    crops = np.stack([cut_crop(FieldView(field), (300, 200), 160, 48), cut_crop(FieldView(field), (0, 0), 160, 48)])
    ready = prepare(crops, stain)
    for crop, one in zip(crops, ready, strict=True):
        assert np.array_equal(one, apply_stain(crop, stain)[:, :, ::-1])
    assert prepare(crops[:0], stain).shape == (0, 48, 48, 3)


@pytest.mark.parametrize("side_px", [300.0, 511.0, 512.0, 1600.0])
@pytest.mark.parametrize("centre", [(1000, 700), (30, 1390), (1999, 5)])
def test_a_crop_of_many_pixels_is_that_of_the_whole_picture(side_px: float, centre: tuple[float, float]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (7, 10, 3)).astype(np.uint8)
    view = FieldView(
        cv2.resize(picture, (2000, 1400), interpolation=cv2.INTER_CUBIC), background=np.array(GLASS, float)
    )
    direct = cv2.resize(cut_square(view, centre, side_px), (64, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(cut_crop(view, centre, side_px, 64).astype(int) - direct).mean() < 3  # a quarter of its pixels off


def test_the_halved_copy_has_at_least_twice_the_pixels_of_the_crop() -> None:
    for side_px in np.linspace(1, 3000, 500):
        level = halvings(side_px, 224)
        assert level == 0 or side_px / 2**level >= 224
        assert side_px / 2**level < 448
