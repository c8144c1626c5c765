"""Circles in masks, whole and with something attached."""

from __future__ import annotations

import numpy as np
import pytest
from obstructed import disc

from hemato_edge.vision.optics.circles import find_circle, fit_circle

SHAPE = (180, 240)


def test_a_circle_that_leaves_the_picture_is_fitted() -> None:
    circle = fit_circle(disc(SHAPE, (0.4, 0.6), 0.6), 0.012)
    assert circle == pytest.approx((96, 108, 108), abs=1.0)


def test_a_square_is_no_circle() -> None:
    square = np.zeros(SHAPE, bool)
    square[20:160, 50:190] = True
    assert fit_circle(square, 0.012) is None
    assert find_circle(square) is None


def test_what_is_attached_to_a_circle_does_not_count() -> None:
    lit = disc(SHAPE, (0.5, 0.5), 0.4)
    lit[70:130, 150:] = True
    lit[20:50, 100:125] = False
    assert fit_circle(lit, 0.012) is None
    assert find_circle(lit) == pytest.approx((120, 90, 72), abs=1.0)
    assert find_circle(np.zeros(SHAPE, bool)) is None
