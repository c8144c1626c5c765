"""The drawn slide in real time, without an end: `live-demo`, `live-demo:7`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.cameras.kind import CameraKind, number_in

if TYPE_CHECKING:
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.cameras.kind import CameraOptions


def _make(spec: str, options: CameraOptions) -> Camera:
    from hemato_edge.cameras.demo.camera import DemoCamera
    from hemato_edge.cameras.demo.paced import FRAMES_A_SECOND, PacedCamera

    return PacedCamera(DemoCamera(number_in(spec, KIND.name, default=1)), options.fps or FRAMES_A_SECOND)


KIND = CameraKind(
    name="live-demo",
    examples=("live-demo", "live-demo:7"),
    help="the same as a live camera: frames come in real time, and the walk restarts at its end",
    make=_make,
    live=True,
    isolated=False,
)
