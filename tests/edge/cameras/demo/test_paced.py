"""The live demo: a camera's pace, and no end."""

from __future__ import annotations

import time

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.demo.paced import PacedCamera


def test_frames_come_by_the_clock_and_go_on_after_the_end_of_the_walk() -> None:
    camera = PacedCamera(DemoCamera(1, frames=3), fps=20)
    camera.open()
    began = time.monotonic()
    frames = [camera.read(5.0) for _ in range(7)]
    assert time.monotonic() - began >= 6 * 0.05 - 0.01
    assert [frame.index for frame in frames] == list(range(7))
    assert (frames[0].image == frames[3].image).all()
    assert not (frames[0].image == frames[1].image).all()
    camera.close()
