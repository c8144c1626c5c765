"""A network camera that sends JPEG pictures over HTTP, some of them not whole, or of another size."""

from __future__ import annotations

from contextlib import suppress

import cv2
import numpy as np
import pytest
from mjpeg_server import serving

from hemato_edge.cameras.camera import NoFrameYet, OpenCamera
from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.cameras.drivers.opencv import StreamCamera
from hemato_edge.cameras.recovery.guarded import GuardedCamera, Patience
from hemato_edge.cameras.recovery.state import Fault
from hemato_edge.errors import CameraError


def coded(image: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".jpg", image)[1])


@pytest.fixture(scope="module")
def fields() -> list[np.ndarray]:
    return [draw_field(seed)[0] for seed in (1, 2, 3)]


def which(image: np.ndarray, fields: list[np.ndarray]) -> int:
    """The field that a picture shows from top to bottom."""
    return next(i for i, field in enumerate(fields) if np.abs(image.astype(int) - field).mean() < 4)


def stream(address: str, read_timeout_s: float = 5) -> StreamCamera:
    return StreamCamera(address, open_timeout_s=5, read_timeout_s=read_timeout_s)


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_picture_that_ends_too_soon_is_skipped_and_counted(fields: list[np.ndarray], kept: float) -> None:
    first, torn, last = (coded(field) for field in fields)
    with (
        serving([first, first, torn[: int(kept * len(torn))], last] * 50) as (address, _),
        OpenCamera(stream(address)) as camera,
    ):
        seen = [which(camera.read(5).image, fields) for _ in range(12)]
        assert seen == [0, 0, 2] * 4
        assert camera.skipped["damaged"] >= 3


def test_a_camera_is_connected_once(fields: list[np.ndarray]) -> None:
    with serving([coded(fields[0])] * 100) as (address, served), OpenCamera(stream(address)) as camera:
        assert camera.read(5).image.shape == (480, 640, 3)
        assert served.served == 1


def test_pictures_of_another_size_come_as_they_are_and_are_noticed(fields: list[np.ndarray]) -> None:
    small = coded(fields[1][:240, :320])
    with serving([coded(fields[0])] * 5 + [small] * 2_000) as (address, _):
        with OpenCamera(stream(address)) as camera:
            assert [camera.read(5).image.shape for _ in range(6)][-2:] == [(480, 640, 3), (240, 320, 3)]
        guarded = GuardedCamera(stream(address), patience=Patience(wrong_size_s=0.05))
        with OpenCamera(guarded):
            while not any(change.fault is Fault.WRONG_SIZE for change in guarded.health.changes):
                with suppress(NoFrameYet):
                    guarded.read(0.5)


def test_a_camera_that_sends_only_damaged_pictures_stops_in_time(fields: list[np.ndarray]) -> None:
    good, torn = coded(fields[0]), coded(fields[1])[:9_000]
    with (
        serving([good] * 3 + [torn] * 2_000) as (address, _),
        OpenCamera(stream(address, read_timeout_s=0.3)) as camera,
    ):
        for _ in range(3):
            camera.read(5)
        with pytest.raises(CameraError, match="stopped giving frames after 3"):
            camera.read(5)
