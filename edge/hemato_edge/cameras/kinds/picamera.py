"""A camera on a Raspberry Pi's ribbon cable: `picamera`, `picamera:1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.cameras.kind import DMA_HEAPS, MEDIA_NODES, VIDEO_NODES, CameraKind, number_in

if TYPE_CHECKING:
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.cameras.kind import CameraOptions


def _make(spec: str, options: CameraOptions) -> Camera:
    from hemato_edge.cameras.drivers.picamera import PiCamera

    return PiCamera(number_in(spec, KIND.name), options.width, options.height, options.open_timeout_s)


KIND = CameraKind(
    name="picamera",
    examples=("picamera", "picamera:1"),
    help="a camera on the Pi's ribbon cable, by number",
    make=_make,
    devices=(VIDEO_NODES, MEDIA_NODES, DMA_HEAPS),
    packages=("picamera2",),
)
