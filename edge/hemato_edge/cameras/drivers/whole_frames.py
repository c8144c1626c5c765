"""What stands for a `cv2.VideoCapture` and gives whole frames only: damaged ones are skipped and counted."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from hemato_edge.values import Image

DAMAGED = "damaged"
"""Why a frame was skipped that is not whole, or that cannot be decoded."""


class WholeFrames(ABC):
    """The whole frames of a video that FFmpeg opens.

    Args:
        source: path or address.
        skipped: where damaged frames are counted.
        parameters: of `cv2.VideoCapture`, in pairs.
        patience_s: how long a stream may give nothing but damaged frames before a read gives up, seconds; None for a
            file, which is read to its end.

    Attributes:
        damaged: frames that are not counted yet.
    """

    def __init__(
        self, source: str, skipped: Counter[str], parameters: Sequence[int] = (), patience_s: float | None = None
    ) -> None:
        self._capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, list(parameters))
        self._skipped = skipped
        self._patience_s = patience_s
        self.damaged = 0

    def isOpened(self) -> bool:
        """Whether the source can be read."""
        return self._capture.isOpened()

    def get(self, number: int) -> float:
        """A property, by OpenCV's number."""
        return self._capture.get(number)

    def read(self) -> tuple[bool, Image | None]:
        """The next whole picture, (H, W, 3) uint8 BGR; False at the end, or when a stream has none."""
        started = time.monotonic()
        while True:
            more, picture = self._next()
            if not more:
                return False, None
            if picture is not None:
                self.count_damaged()
                return True, picture
            self.damaged += 1
            if self._patience_s is not None:
                self.count_damaged()
                if time.monotonic() - started > self._patience_s:
                    return False, None

    def count_damaged(self) -> None:
        """Count the damaged frames since the last whole one; of a file, only now: it may end with them."""
        if self.damaged:
            self._skipped[DAMAGED] += self.damaged
            self.damaged = 0

    def release(self) -> None:
        """Close the source."""
        self._capture.release()

    @abstractmethod
    def _next(self) -> tuple[bool, Image | None]:
        """Whether there was one more frame, and it, or None if it is damaged."""
