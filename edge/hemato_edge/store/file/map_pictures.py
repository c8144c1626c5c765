"""Pictures of the slide's map: the ones used last in memory, all others in a nameless file beside the database.

The file has no name, is the user's alone, and is gone with the process, however that ends. Nothing is written while
the map is small, and nothing to a disk that has no room for pictures of cells either.
"""

from __future__ import annotations

import logging
import os
import tempfile
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IN_MEMORY = 384
"""Pictures that stay in memory, 10 to 20 kB each: those of some thousand frames. A differential of 200 cells has
fewer."""
_BLOCK = 4096
_log = logging.getLogger(__name__)


class MapPictures:
    """See `counting.mapping.pictures.Pictures`.

    Args:
        folder: where the file is made once it is needed.
        has_room: whether the disk has room for it, asked before each picture; one that finds none stays in memory.

    Attributes:
        file_bytes: length of the file.
    """

    def __init__(self, folder: Path, has_room: Callable[[], bool]) -> None:
        self._folder = folder
        self._has_room = has_room
        self._memory: dict[int, bytes] = {}  # in the order of their last use
        self._places: dict[int, tuple[int, int]] = {}  # number → offset and length, bytes
        self._free: dict[int, list[int]] = {}  # number of blocks → offsets
        self._file: int | None = None
        self.file_bytes = 0
        self._failed = False

    def put(self, number: int, picture: bytes) -> None:
        """Keep a picture."""
        self._memory[number] = picture
        while len(self._memory) > IN_MEMORY and not self._failed and self._has_room():
            oldest = next(iter(self._memory))
            try:
                self._write(oldest, self._memory[oldest])
            except OSError as error:
                self._failed = True
                _log.warning("the map's pictures stay in memory: %s", error)
                return
            del self._memory[oldest]

    def get(self, number: int) -> bytes | None:
        """The picture of a key field; None where it can no longer be read."""
        picture = self._memory.pop(number, None)
        if picture is not None:
            self._memory[number] = picture
            return picture
        offset, length = self._places[number]
        try:
            picture = b"" if self._file is None else os.pread(self._file, length, offset)
        except OSError as error:
            _log.warning("a picture of the map cannot be read: %s", error)
            return None
        return picture if len(picture) == length else None

    def forget(self, number: int) -> None:
        """Drop a picture; its place in the file is used again."""
        if self._memory.pop(number, None) is None:
            offset, length = self._places.pop(number)
            self._free.setdefault(-(-length // _BLOCK), []).append(offset)

    def _write(self, number: int, picture: bytes) -> None:
        if self._file is None:
            with tempfile.TemporaryFile(dir=self._folder) as made:
                self._file = os.dup(made.fileno())
            weakref.finalize(self, os.close, self._file)
        blocks = -(-len(picture) // _BLOCK)
        free = self._free.get(blocks)
        offset = free[-1] if free else self.file_bytes
        if os.pwrite(self._file, picture, offset) < len(picture):
            raise OSError(None, "the disk is full")
        if free:
            free.pop()
        else:
            self.file_bytes += blocks * _BLOCK
        self._places[number] = offset, len(picture)
