"""One frame in memory shared by two processes.

The memory has no name in any file system: it is freed when both processes end, however they end.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.errors import CameraFault

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image

_HEADER = 64
"""Bytes before the pixels: the frame's number, written before and after them, and padding for alignment."""


class SharedFrame:
    """Memory for one frame and its number.

    The number is written before and after the pixels, so that a reader detects a wrong or partly written frame.

    Args:
        file: descriptor of a memory file, owned by the caller; None creates one.
    """

    def __init__(self, file: int | None = None) -> None:
        self._owned = file is None
        self.file = os.memfd_create("hemato-frame", os.MFD_CLOEXEC) if file is None else file
        self._memory: mmap.mmap | None = None

    def write(self, number: int, image: Image) -> None:
        """Copy a frame (H, W, 3) uint8 into the memory, which grows as needed."""
        memory = self._mapped(image.nbytes)
        numbers = np.frombuffer(memory, np.int64, 2)
        numbers[0] = number
        _pixels(memory, image.shape)[:] = image
        numbers[1] = number

    def read(self, number: int, shape: tuple[int, int, int]) -> Image:
        """A copy of the frame with this number.

        Raises:
            CameraFault: the memory holds another frame, or part of one.
        """
        memory = self._mapped(int(np.prod(shape)))
        numbers = np.frombuffer(memory, np.int64, 2)
        image = _pixels(memory, shape).copy()
        if not numbers[0] == numbers[1] == number:
            msg = f"Frame {number} was asked for, and the memory holds {numbers[0]} to {numbers[1]}."
            raise CameraFault("crashed", msg)
        return image

    def close(self) -> None:
        """Free the memory. Safe to call twice."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        if self._owned and self.file >= 0:
            os.close(self.file)
            self.file = -1

    def _mapped(self, pixels: int) -> mmap.mmap:
        size = _HEADER + pixels
        if self._memory is None or len(self._memory) < size:
            if self._memory is not None:
                self._memory.close()
            if os.fstat(self.file).st_size < size:
                os.ftruncate(self.file, size)
            self._memory = mmap.mmap(self.file, size)
        return self._memory


def _pixels(memory: mmap.mmap, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.frombuffer(memory, np.uint8, int(np.prod(shape)), _HEADER).reshape(shape)
