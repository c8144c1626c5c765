"""A picture, or a folder of pictures, as a camera: each file is a field of its own."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hemato_edge.cameras.camera import EndOfFrames, Noise
from hemato_edge.cameras.picture_files import PICTURE_SUFFIXES, CopyFinder, read_pages
from hemato_edge.errors import CameraError, DamagedImageError, ImageError
from hemato_edge.values import Frame

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)


class FilesCamera:
    """Reads the pictures of a folder in the order of their names (numbers by value), or one picture.

    A file that cannot be analysed, or holds the same bytes as an earlier one, is left out, counted in `skipped`, and
    named in the log with its reason.

    Args:
        path: the folder or the file.
    """

    live = False
    noise = Noise.NONE
    colour = True
    """Whether grey pictures are left out."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.total_frames: int | None = None
        self.skipped: Counter[str] = Counter()
        self._path = path
        self._files: list[Path] = []
        self._next = 0
        self._pages: list[Frame] = []
        self._copies = CopyFinder()

    def open(self) -> None:
        """List the files. Raises CameraError if there is no picture among them."""
        if self._path.is_dir():
            try:
                files = [f for f in self._path.iterdir() if f.suffix.lower() in PICTURE_SUFFIXES and f.is_file()]
            except OSError as error:
                raise CameraError(f"{self._path} cannot be listed ({error.strerror}).", "Check its rights.") from error
            self._files = sorted(files, key=_by_number)
        else:
            self._files = [self._path]
        if not self._files:
            raise CameraError(
                f"There is no picture in {self._path}.",
                f"It should hold fields as {', '.join(sorted(PICTURE_SUFFIXES))}; sub-folders are not searched.",
            )
        self.total_frames = len(self._files)

    def read(self, timeout_s: float) -> Frame:
        """The next picture, or page, that can be analysed. Raises EndOfFrames after the last one."""
        if self._pages:
            return self._pages.pop(0)
        while self._next < len(self._files):
            index = self._next
            self._next += 1
            try:
                same = self._copies.earlier(self._files[index])
                if same is not None:
                    self.skipped["identical"] += 1
                    _log.warning("left out: %s holds the same bytes as %s", self._files[index], same)
                    continue
                pages = read_pages(self._files[index])
            except ImageError as error:
                if len(self._files) == 1:
                    raise
                self.skipped["damaged" if isinstance(error, DamagedImageError) else "unreadable"] += 1
                _log.warning("left out: %s", error)
                continue
            now = datetime.now(timezone.utc)
            name, many = str(self._files[index]), len(pages) > 1
            self._pages = [
                Frame(image, index, time.monotonic(), now, f"{name}[{i + 1}]" if many else name, independent=True)
                for i, image in enumerate(pages)
            ]
            return self._pages.pop(0)
        raise EndOfFrames

    def close(self) -> None:
        """Nothing to let go of."""


def _by_number(path: Path) -> list[tuple[bool, int, str]]:
    parts = re.split(r"(\d+)", path.name)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
