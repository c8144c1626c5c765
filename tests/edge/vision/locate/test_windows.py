"""Fields of any size and scale, cut into windows of one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.windows import (
    GIVE,
    MAX_MAGNIFICATION,
    OVERLAP_RED_CELLS,
    PADDING_LEVEL,
    WindowSpec,
    standard_factor,
    windows_of,
    with_even_background,
)

SPEC = WindowSpec(384, 288, 60.0)
GLASS = np.array([190.0, 205.0, 220.0])


def glass(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), GLASS, np.uint8)


@pytest.mark.parametrize(
    ("shape", "red_cell_px", "factor"),
    [
        ((480, 640), 102.0, 60 / 102),  # fits
        ((480, 640), 94.0, 0.6007),  # a little too large: brought under the standard scale
        ((480, 640), 60.0, 1.0),  # far too large: several windows
        ((200, 200), 10.0, MAX_MAGNIFICATION),  # few pixels a cell
    ],
)
def test_the_scale_of_a_field(shape: tuple[int, int], red_cell_px: float, factor: float) -> None:
    assert standard_factor(shape, red_cell_px, SPEC) == pytest.approx(factor, rel=1e-3)


def test_a_field_that_nearly_fits_is_one_window() -> None:
    just = 60 / 102 / GIVE * 1.001
    factor = standard_factor((480, 640), 60 / (384 / 640 * GIVE * 0.999), SPEC)
    assert factor > just
    assert len(list(windows_of(FieldView(glass(640, 480)), factor, SPEC))) == 1


def test_a_small_field_is_padded_with_empty_glass() -> None:
    (window,) = windows_of(FieldView(glass(200, 100)), 1.0, SPEC)
    assert window.image.shape == (288, 384, 3)
    assert np.all(window.image[100:] == PADDING_LEVEL)
    assert np.abs(window.image[:100, :200].astype(int) - PADDING_LEVEL).max() <= 1
    assert window.own == (-np.inf, -np.inf, np.inf, np.inf)


def test_the_background_becomes_even_whatever_the_lamp() -> None:
    picture = glass(64, 64)
    picture[20:40, 20:40] = (120, 90, 140)
    evened = with_even_background(picture, GLASS)
    assert np.abs(evened[0, 0].astype(int) - PADDING_LEVEL).max() <= 1
    assert np.all(evened[30, 30] > picture[30, 30])  # less dense against a darker glass, so brighter against white


@pytest.mark.parametrize(("width", "height"), [(1280, 960), (900, 288), (385, 289), (3000, 700)])
def test_windows_cover_a_large_field_and_each_place_has_one_owner(width: int, height: int) -> None:
    picture = glass(width, height)
    cv2.circle(picture, (width - 20, height - 20), 8, (60, 40, 90), -1)
    windows = list(windows_of(FieldView(picture, background=GLASS), 1.0, SPEC))
    seen = np.zeros((height, width), int)
    owned = np.zeros((height, width), int)
    y, x = np.mgrid[:height, :width]
    for window in windows:
        left, top = window.origin
        inside = (x >= left) & (x < left + 384) & (y >= top) & (y < top + 288)
        x0, y0, x1, y1 = window.own
        mine = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
        assert np.all(inside[mine]), "a window owns what it does not see"
        seen += inside
        owned += mine
    assert seen.min() >= 1
    assert np.all(owned == 1)


def test_a_white_cell_is_whole_in_the_window_that_owns_its_centre() -> None:
    reach = OVERLAP_RED_CELLS * SPEC.red_cell_px / 2
    for window in windows_of(FieldView(glass(1500, 900), background=GLASS), 1.0, SPEC):
        for low, high, start, side in zip(window.own[:2], window.own[2:], window.origin, (384, 288), strict=True):
            assert low == -np.inf or low - reach >= start - 0.5
            assert high == np.inf or high + reach <= start + side + 0.5
