"""Fields of any size and scale, cut into windows."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.windows import (
    ENLARGED,
    GIVE,
    GRAIN,
    LARGEST,
    MAX_MAGNIFICATION,
    OVERLAP_RED_CELLS,
    PADDING_LEVEL,
    WindowSpec,
    plan,
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
    grid = plan((480, 640), 60 / (384 / 640 * GIVE * 0.999), SPEC)
    assert grid.columns.factor == grid.rows.factor > just
    (window,) = windows_of(FieldView(glass(640, 480)), grid)
    assert window.image.shape == (288, 384, 3)


def test_a_small_field_is_padded_with_empty_glass() -> None:
    (window,) = windows_of(FieldView(glass(200, 100)), plan((100, 200), 60.0, SPEC))
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


@pytest.mark.parametrize("largest", [1, LARGEST])
@pytest.mark.parametrize(("width", "height"), [(1280, 960), (900, 288), (385, 289), (450, 340), (3000, 700), (500, 90)])
def test_windows_cover_a_large_field_and_each_place_has_one_owner(width: int, height: int, largest: int) -> None:
    picture = glass(width, height)
    cv2.circle(picture, (width - 20, height - 20), 8, (60, 40, 90), -1)
    grid = plan(picture.shape, 60.0, SPEC, largest)
    high, wide = grid.window
    windows = list(windows_of(FieldView(picture, background=GLASS), grid))
    assert len(windows) == grid.count
    width, height = grid.columns.length, grid.rows.length
    seen = np.zeros((height, width), int)
    owned = np.zeros((height, width), int)
    y, x = np.mgrid[:height, :width]
    for window in windows:
        assert window.image.shape == (high, wide, 3)
        left, top = window.origin
        inside = (x >= left) & (x < left + wide) & (y >= top) & (y < top + high)
        x0, y0, x1, y1 = window.own
        mine = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
        assert np.all(inside[mine]), "a window owns what it does not see"
        seen += inside
        owned += mine
    assert seen.min() >= 1
    assert np.all(owned == 1)


FIELDS = [(w, h) for w in range(230, 2000, 97) for h in (150, 211, 300, 333, 480, 901)]


def test_windows_never_cost_more_than_those_of_training_and_are_of_sizes_that_the_network_takes() -> None:
    saved = []
    for width, height in FIELDS:
        grid, small = plan((height, width, 3), 60.0, SPEC), plan((height, width, 3), 60.0, SPEC, largest=1)
        assert small.window == (288, 384)
        assert small.cost >= grid.cost
        assert grid.cost == grid.count * grid.window[0] * grid.window[1]
        assert grid.window[0] * grid.window[1] <= LARGEST * 384 * 288
        for side in grid.window:
            assert side % GRAIN == 0
            assert side >= 288
        saved.append(1 - grid.cost / small.cost)
    assert np.median(saved) > 0.3


def test_a_field_larger_than_a_window_fills_its_windows_hardly_distorted() -> None:
    for width, height in FIELDS:
        grid = plan((height, width, 3), 60.0, SPEC)
        if grid.window == (288, 384) and grid.count == 1:
            continue
        for axis, own in ((grid.columns, width), (grid.rows, height)):
            assert axis.window <= axis.length or own < 288 * GIVE, "a cell that ends at glass looks whole"
            assert 1 / GIVE <= axis.factor <= ENLARGED
            assert axis.length == pytest.approx(own * axis.factor, abs=0.51)
            assert axis.count == 1 or axis.factor == 1.0


def test_only_the_windows_of_a_part() -> None:
    view = FieldView(glass(1280, 960), background=GLASS)
    grid = plan(view.shape, 60.0, SPEC)
    assert grid.count > 2
    every = list(windows_of(view, grid))
    for part in ((0, 0, 90, 90), (1190, 870, 1280, 960), (0, 0, 90, 960)):
        some = list(windows_of(view, grid, part))
        assert len(some) < len(every)
        x0, y0, x1, y1 = part
        for window in every:
            left, above, right, below = window.own
            owns_some = min(right, x1) > max(left, x0) and min(below, y1) > max(above, y0)
            assert owns_some == any(window.origin == one.origin for one in some)


@pytest.mark.parametrize("largest", [1, LARGEST])
def test_a_white_cell_is_whole_in_the_window_that_owns_its_centre(largest: int) -> None:
    reach = OVERLAP_RED_CELLS * SPEC.red_cell_px / 2
    grid = plan((900, 1500), 60.0, SPEC, largest)
    for window in windows_of(FieldView(glass(1500, 900), background=GLASS), grid):
        for low, high, start, side in zip(
            window.own[:2], window.own[2:], window.origin, reversed(grid.window), strict=True
        ):
            assert low == -np.inf or low - reach >= start - 0.5
            assert high == np.inf or high + reach <= start + side + 0.5
