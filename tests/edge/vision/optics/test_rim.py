"""Where a round field's rim lies, and how its light fades."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.vision.optics.rim import measure_rim

GLASS, STRAY = np.array([200.0, 215.0, 225.0]), np.array([10.0, 14.0, 20.0])


def field(radii: tuple[float, float, float], soft: float, size: tuple[int, int] = (640, 480)) -> np.ndarray:
    """A bare round field, its radius in blue, green and red, pixels."""
    y, x = np.mgrid[: size[1], : size[0]]
    far = np.hypot(x - size[0] / 2, y - size[1] / 2)
    light = np.stack([cv2.GaussianBlur((far <= radius).astype(np.float32), (0, 0), soft) for radius in radii], axis=2)
    return np.rint(GLASS * light + STRAY * (1 - light)).astype(np.uint8)


@pytest.mark.parametrize("soft", [4.0, 8.0, 14.0])
def test_it_lies_where_half_of_the_light_is_left(soft: float) -> None:
    rim = measure_rim(field((180, 180, 180), soft), (320, 240), 184)
    assert rim is not None
    assert rim.half_px == pytest.approx(180, abs=1.5)
    assert rim.half_px - 2 <= rim.edge_px <= rim.half_px + 2.5
    assert rim.light is not None
    assert rim.light.start_px == pytest.approx(180 - 2.2 * soft, abs=3.5)
    assert rim.light.stray == pytest.approx(STRAY, abs=1.5)


@pytest.mark.parametrize("soft", [0.3, 0.8, 1.5])
def test_nothing_is_brought_back_at_a_sharp_rim(soft: float) -> None:
    """So few pixels say too little of each: the outlines of cells were moved."""
    rim = measure_rim(field((180, 180, 180), soft), (320, 240), 184)
    assert rim is not None
    assert rim.half_px == pytest.approx(180, abs=1.5)
    assert rim.edge_px == rim.half_px - 1
    assert rim.light is None


def test_a_rim_has_fringes() -> None:
    rim = measure_rim(field((176, 180, 184), 4.0), (320, 240), 180)
    assert rim is not None
    assert rim.light is not None
    blue, _, red = np.array(rim.light.shares).T
    assert (red - blue).max() > 0.4
    assert rim.edge_px == pytest.approx(180, abs=1.5)


def test_rays_without_a_rim_are_inconclusive() -> None:
    assert measure_rim(np.full((480, 640, 3), 200, np.uint8), (320, 240), 200) is None
    assert measure_rim(field((180, 180, 180), 4.0), (320, 240), 600) is None
