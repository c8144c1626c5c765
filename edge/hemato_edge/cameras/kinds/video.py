"""A recorded video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.cameras.kind import CameraKind, Needs
from hemato_edge.home import from_home

if TYPE_CHECKING:
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.cameras.kind import CameraOptions


def _make(spec: str, options: CameraOptions) -> Camera:
    from hemato_edge.cameras.drivers.opencv import VideoFile

    return VideoFile(from_home(spec))


KIND = CameraKind(
    name="video",
    examples=("slide.mp4",),
    help="a video file: every frame is read, and its frames are registered to each other",
    make=_make,
    matches=lambda spec: bool(spec.strip()) and from_home(spec).is_file(),
    live=False,
    needs=lambda spec: Needs(path=from_home(spec)),
)
