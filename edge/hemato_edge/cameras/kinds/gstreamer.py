"""A GStreamer pipeline, for instance for a Jetson's CSI camera: `gst:PIPELINE`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hemato_edge.cameras.kind import CameraKind, Needs

if TYPE_CHECKING:
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.cameras.kind import CameraOptions

_NETWORK_ELEMENT = re.compile(r"\b(rtsp|udp|tcp|souphttp|curlhttp|srt|rtmp)\w*src", re.IGNORECASE)


def _make(spec: str, options: CameraOptions) -> Camera:
    from hemato_edge.cameras.drivers.opencv import GStreamerCamera

    return GStreamerCamera(spec.removeprefix("gst:").strip())


def _needs(spec: str) -> Needs:
    return Needs(
        network=_NETWORK_ELEMENT.search(spec) is not None,
        made_code="camera.spec is a GStreamer pipeline: its Orc compiler generates code",
    )


KIND = CameraKind(
    name="gst",
    examples=("gst:PIPELINE",),
    help="a GStreamer pipeline, for a Jetson's CSI camera",
    make=_make,
    matches=lambda spec: spec.startswith("gst:"),
    packages=("gstreamer",),
    needs=_needs,
)
