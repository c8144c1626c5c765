"""Motion JPEG from a file or a network camera, picture by picture: OpenCV's FFmpeg hides what is lost there.

There a frame that ends too soon shows the lower part of the one before, and one of another size is stretched to the
first one's; nothing tells of either. The coded pictures themselves do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.cameras.drivers.whole_frames import WholeFrames
from hemato_edge.cameras.picture_damage import damage_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.values import Image

_FOURCC = int.from_bytes(b"MJPG", "little")


def is_motion_jpeg(capture: cv2.VideoCapture | WholeFrames) -> bool:
    """Whether an opened video is a sequence of JPEG pictures."""
    return int(capture.get(cv2.CAP_PROP_FOURCC)) == _FOURCC


class JpegVideo(WholeFrames):
    """A motion JPEG file or stream, each picture in its own size; arguments as of `WholeFrames`."""

    def __init__(
        self, source: str, skipped: Counter[str], parameters: Sequence[int] = (), patience_s: float | None = None
    ) -> None:
        super().__init__(source, skipped, [cv2.CAP_PROP_FORMAT, -1, *parameters], patience_s)

    def _next(self) -> tuple[bool, Image | None]:
        more, packet = self._capture.read()
        if not more or packet is None:
            return False, None
        coded = np.ascontiguousarray(packet, np.uint8).reshape(-1)
        return True, None if damage_of(coded.tobytes()) else _decoded(coded)


def _decoded(coded: NDArray[np.uint8]) -> Image | None:
    try:
        return cv2.imdecode(coded, cv2.IMREAD_COLOR)  # type: ignore[return-value]  # uint8, as the flag says
    except cv2.error:
        return None
