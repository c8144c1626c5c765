"""Motion JPEG from a file or a network camera, picture by picture: OpenCV's FFmpeg hides what is lost there.

There a frame that ends too soon shows the lower part of the one before, and one of another size is stretched to the
first one's; nothing tells of either. The coded pictures themselves do.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.cameras.picture_damage import damage_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.values import Image

DAMAGED = "damaged"
"""Why a frame was skipped that is not whole, or that cannot be decoded."""
_FOURCC = int.from_bytes(b"MJPG", "little")


def is_motion_jpeg(capture: cv2.VideoCapture | JpegVideo) -> bool:
    """Whether an opened video is a sequence of JPEG pictures."""
    return int(capture.get(cv2.CAP_PROP_FOURCC)) == _FOURCC


class JpegVideo:
    """Stands for a `cv2.VideoCapture` of a motion JPEG file or stream.

    Args:
        source: path or address.
        skipped: where damaged frames are counted: those of a stream at once, those of a file when a whole one follows.
        parameters: of `cv2.VideoCapture`, in pairs: time limits.
        patience_s: how long a stream may send nothing but damaged frames before a read gives up, seconds; None for a
            file, which is read to its end.

    Attributes:
        damaged: frames of a file since the last whole one; at the end, it may have been cut off within the last.
    """

    def __init__(
        self, source: str, skipped: Counter[str], parameters: Sequence[int] = (), patience_s: float | None = None
    ) -> None:
        self._packets = cv2.VideoCapture(source, cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1, *parameters])
        self._skipped = skipped
        self._patience_s = patience_s
        self.damaged = 0

    def isOpened(self) -> bool:
        """Whether the source can be read."""
        return self._packets.isOpened()

    def get(self, number: int) -> float:
        """A property, by OpenCV's number."""
        return self._packets.get(number)

    def read(self) -> tuple[bool, Image | None]:
        """The next whole picture, (H, W, 3) uint8 BGR, in its own size; False at the end, or when a stream has none."""
        started = time.monotonic()
        while True:
            good, packet = self._packets.read()
            if not good or packet is None:
                return False, None
            coded = np.ascontiguousarray(packet, np.uint8).reshape(-1)
            picture = None if damage_of(coded.tobytes()) else _decoded(coded)
            if picture is not None:
                if self.damaged:
                    self.count_damaged()
                return True, picture
            self.damaged += 1
            if self._patience_s is not None:
                self.count_damaged()
                if time.monotonic() - started > self._patience_s:
                    return False, None

    def count_damaged(self) -> None:
        """Enter the damaged frames since the last whole one."""
        self._skipped[DAMAGED] += self.damaged
        self.damaged = 0

    def release(self) -> None:
        """Close the source."""
        self._packets.release()


def _decoded(coded: NDArray[np.uint8]) -> Image | None:
    try:
        return cv2.imdecode(coded, cv2.IMREAD_COLOR)  # type: ignore[return-value]  # uint8, as the flag says
    except cv2.error:
        return None
