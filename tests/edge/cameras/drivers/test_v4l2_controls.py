"""Locking a V4L2 camera against a stand-in for its driver: no such device can be plugged into a test."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.drivers.v4l2 import DeviceCamera
from hemato_edge.errors import CameraError


class Driver:
    """What of `cv2.VideoCapture` we call; `known` are the controls that the driver has."""

    def __init__(self, known: dict[int, float]) -> None:
        self.known = known

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, np.ndarray]:
        return True, np.full((64, 64, 3), 180, np.uint8)  # grey: glass without a stain

    def get(self, number: int) -> float:
        return self.known.get(number, -1.0)

    def set(self, number: int, value: float) -> bool:
        if number not in self.known:
            return False
        self.known[number] = value
        return True

    def release(self) -> None:
        return


class Webcam(DeviceCamera):
    colour = False

    def __init__(self, known: dict[int, float]) -> None:
        super().__init__(0)
        self.known = known

    def _open_capture(self) -> Driver:
        return Driver(self.known)


FULL = {
    cv2.CAP_PROP_AUTO_EXPOSURE: 3.0,
    cv2.CAP_PROP_EXPOSURE: 156.0,
    cv2.CAP_PROP_GAIN: 4.0,
    cv2.CAP_PROP_AUTO_WB: 1.0,
    cv2.CAP_PROP_WB_TEMPERATURE: 4600.0,
}


def test_a_driver_with_all_controls_is_locked_and_locked_again() -> None:
    with OpenCamera(Webcam(dict(FULL))) as camera:
        locked = camera.lock_controls(2.0)
        assert camera.read(1.0).index == 0
    assert locked.not_locked == ()
    assert locked.values == {
        "auto_exposure": 1.0,
        "auto_white_balance": 0.0,
        "exposure": 156.0,
        "gain": 4.0,
        "white_balance_temperature": 4600.0,
    }
    other = dict(FULL)
    other[cv2.CAP_PROP_EXPOSURE] = 20.0
    with OpenCamera(Webcam(other)) as camera:
        assert camera.apply_controls(locked.values, 1.0) == ()
        assert other[cv2.CAP_PROP_EXPOSURE] == 156.0


def test_what_the_driver_does_not_offer_is_said() -> None:
    known = {cv2.CAP_PROP_AUTO_EXPOSURE: 3.0, cv2.CAP_PROP_EXPOSURE: 156.0}
    with OpenCamera(Webcam(known)) as camera:
        locked = camera.lock_controls(2.0)
    assert set(locked.values) == {"auto_exposure", "exposure"}
    assert any("auto_white_balance" in reason for reason in locked.not_locked)


def test_a_driver_with_no_controls() -> None:
    with OpenCamera(Webcam({})) as camera, pytest.raises(CameraError, match="neither exposure nor white balance"):
        camera.lock_controls(1.0)
