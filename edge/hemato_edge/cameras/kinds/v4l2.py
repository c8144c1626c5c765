"""A V4L2 device, such as a USB microscope, a webcam or a frame grabber: `0`, `/dev/video0`, `/dev/v4l/by-id/…`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.cameras.kind import VIDEO_NODES, CameraKind, Needs
from hemato_edge.cameras.kinds import picamera

if TYPE_CHECKING:
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.cameras.kind import CameraOptions


def _make(spec: str, options: CameraOptions) -> Camera:
    if spec == "0":
        from hemato_edge.cameras.drivers.picamera import libcamera_sees_a_camera

        if libcamera_sees_a_camera():
            return picamera.KIND.make(picamera.KIND.name, options)
    from hemato_edge.cameras.drivers.v4l2 import DeviceCamera

    device = int(spec) if spec.isdecimal() else spec
    return DeviceCamera(device, options.width, options.height, options.fps)


def _matches(spec: str) -> bool:
    return spec.isdecimal() or spec.startswith("/dev/")


def _needs(spec: str) -> Needs:
    node = f"/dev/video{int(spec)}" if spec.isdecimal() else spec
    return Needs(node=node, node_is_sure=spec != "0")


KIND = CameraKind(
    name="v4l2",
    examples=("0", "/dev/video0", "/dev/v4l/by-id/…"),
    help="a V4L2 camera by index or by device; by-id survives a replug; "
    "`0` is the first camera found, on a Pi its own if it has one",
    make=_make,
    matches=_matches,
    devices=(VIDEO_NODES,),
    needs=_needs,
)
