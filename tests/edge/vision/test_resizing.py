"""Shrinking in exact steps: means, the size that was asked for, and nothing but integers on the way."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.vision.field_view import THUMBNAIL_SIDE, FieldView
from hemato_edge.vision.optics.resizing import every, resize, resize_quickly


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (480, 640, 3)).astype(np.uint8)


def test_a_quarter_is_the_mean_of_sixteen(noise: np.ndarray) -> None:
    means = noise.reshape(120, 4, 160, 4, 3).mean(axis=(1, 3))
    assert np.abs(resize_quickly(noise, 0.25) - means).max() <= 1.0


@pytest.mark.parametrize("factor", [0.11, 0.39, 0.5, 0.57, 0.8, 1.0, 1.7])
@pytest.mark.parametrize("shape", [(480, 640), (363, 361), (25, 31)])
def test_the_size_is_that_of_the_plain_way(shape: tuple[int, int], factor: float) -> None:
    picture = np.full((*shape, 3), 90, np.uint8)
    quick = resize_quickly(picture, factor)
    assert quick.shape == resize(picture, factor).shape
    assert set(np.unique(quick)) == {90}


def test_stripes_do_not_alias() -> None:
    stripes = np.zeros((480, 640, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.ptp(resize_quickly(stripes, 0.39)) <= 2


def test_a_thumbnail_has_its_longer_side(noise: np.ndarray) -> None:
    for picture, shape in ((noise, (120, THUMBNAIL_SIDE, 3)), (noise[:40, :60], (40, 60, 3))):
        view = FieldView(picture)
        assert view.at(view.thumbnail_factor).shape == shape


@pytest.mark.parametrize("factor", [0.11, 0.25, 0.39, 0.8, 1.0, 1.7])
def test_a_view_resizes_as_the_quick_way_does(noise: np.ndarray, factor: float) -> None:
    view = FieldView(noise)
    view.at(0.3)  # its halvings are there already
    assert np.array_equal(view.at(factor), resize_quickly(noise, factor))
    assert np.array_equal(view.green_at(factor), resize_quickly(noise[..., 1], factor))


@pytest.mark.parametrize("shape", [(48, 64), (47, 64), (3, 5), (1, 1)])
@pytest.mark.parametrize("step", [1, 2, 4])
def test_every_step_th_pixel(shape: tuple[int, int], step: int) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (*shape, 3)).astype(np.uint8)
    assert np.array_equal(every(picture, step), picture[::step, ::step])
