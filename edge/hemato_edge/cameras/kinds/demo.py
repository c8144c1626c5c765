"""The drawn slide under a simulated stage: `demo`, `demo:7`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.cameras.kind import CameraKind, number_in

if TYPE_CHECKING:
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.cameras.kind import CameraOptions


def _make(spec: str, options: CameraOptions) -> Camera:
    from hemato_edge.cameras.demo.camera import DemoCamera

    return DemoCamera(number_in(spec, KIND.name, default=1))


KIND = CameraKind(
    name="demo",
    examples=("demo", "demo:7"),
    help="a simulated stage over a drawn slide with known truth; the number is its seed",
    make=_make,
    live=False,
    isolated=False,
)
