"""A network camera: `rtsp://…` and the other protocols that FFmpeg reads video from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.cameras.kind import CameraKind, Needs

if TYPE_CHECKING:
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.cameras.kind import CameraOptions

SCHEMES = ("rtsp", "rtsps", "rtmp", "rtp", "http", "https", "udp", "tcp")


def _make(spec: str, options: CameraOptions) -> Camera:
    from hemato_edge.cameras.drivers.opencv import StreamCamera

    return StreamCamera(spec, options.open_timeout_s, options.read_timeout_s)


def _matches(spec: str) -> bool:
    scheme, separator, _ = spec.partition("://")
    return bool(separator) and scheme.lower() in SCHEMES


KIND = CameraKind(
    name="stream",
    examples=("rtsp://…",),
    help=f"a network camera; also {', '.join(f'{scheme}://' for scheme in SCHEMES[1:])}",
    make=_make,
    matches=_matches,
    needs=Needs(network=True),
)
