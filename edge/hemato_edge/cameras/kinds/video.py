"""A recorded video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.cameras.kind import CameraKind, Needs

if TYPE_CHECKING:
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.cameras.kind import CameraOptions


def _make(spec: str, options: CameraOptions) -> Camera:
    from hemato_edge.cameras.drivers.opencv import VideoFile

    return VideoFile(Path(spec).expanduser())


KIND = CameraKind(
    name="video",
    examples=("slide.mp4",),
    help="a video file: every frame is read, and its frames are registered to each other",
    make=_make,
    matches=lambda spec: bool(spec.strip()) and Path(spec).expanduser().is_file(),
    live=False,
    needs=lambda spec: Needs(path=Path(spec).expanduser()),
)
