"""Shrinking in exact steps: means, the size that was asked for, and nothing but integers on the way."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.vision.optics.contrast import THUMBNAIL_SIDE, resize, resize_quickly, thumbnail_of


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
    assert thumbnail_of(noise).shape == (120, THUMBNAIL_SIDE, 3)
    assert thumbnail_of(noise[:40, :60]).shape == (40, 60, 3)
