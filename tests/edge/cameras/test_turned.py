"""A camera that sits turned on its tube."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.turned import turned


@pytest.mark.parametrize(("degrees", "turns"), [(90, 3), (180, 2), (270, 1)])
def test_frames_are_turned_clockwise(degrees: int, turns: int) -> None:
    with OpenCamera(DemoCamera(1, frames=1)) as camera:
        plain = camera.read(1.0).image
    with OpenCamera(turned(DemoCamera(1, frames=1), degrees)) as camera:
        assert camera.total_frames == 1
        assert not camera.live
        assert np.array_equal(camera.read(1.0).image, np.rot90(plain, turns))


def test_an_upright_camera_is_left_alone() -> None:
    camera = DemoCamera(1, frames=1)
    assert turned(camera, 0) is camera
