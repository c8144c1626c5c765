"""A picture, or a folder of pictures, each a stand-alone field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.cameras.kind import CameraKind, Needs
from hemato_edge.errors import CameraError
from hemato_edge.home import from_home

if TYPE_CHECKING:
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.cameras.kind import CameraOptions


def _make(spec: str, options: CameraOptions) -> Camera:
    from hemato_edge.cameras.drivers.files import FilesCamera

    path = from_home(spec)
    if not path.exists():
        raise CameraError(f"There is no picture {path}.", "Check the path.")
    return FilesCamera(path)


def _matches(spec: str) -> bool:
    from hemato_edge.cameras.picture_files import PICTURE_SUFFIXES

    path = from_home(spec)
    return bool(spec.strip()) and (path.suffix.lower() in PICTURE_SUFFIXES or path.is_dir())


KIND = CameraKind(
    name="files",
    examples=("field.png", "fields/"),
    help="a picture, or a folder of pictures: each is a stand-alone field",
    make=_make,
    matches=_matches,
    live=False,
    isolated=False,
    needs=lambda spec: Needs(path=from_home(spec)),
)
