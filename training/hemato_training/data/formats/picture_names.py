"""Finding the picture file of an annotation: by a path from another machine, with either slash, or by its name."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hemato_edge.cameras.picture_files import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def plain_path(name: str) -> str:
    r"""The name with slashes, and without drive, quotes and leading dots: `C:\\data\\a.jpg` → `data/a.jpg`."""
    path = name.strip().strip("\"'").replace("\\", "/")
    if len(path) > 1 and path[1] == ":":
        path = path[2:]
    return "/".join(part for part in path.split("/") if part not in ("", ".", ".."))


class PictureNames:
    """Finds the pictures of a folder by their names in annotations.

    Args:
        files: the pictures.
        folder: their root.
    """

    def __init__(self, files: Sequence[Path], folder: Path) -> None:
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        self._folder = folder
        for path in files:
            self._by_name[path.name.casefold()].append(path)
            self._by_name[path.stem.casefold()].append(path)

    def find(self, name: str, near: Path | None = None) -> Path | None:
        """The picture called `name`, or None if there is none or more than one.

        Among files of one name the one whose folders match the longest end of `name` is taken; then one below `near`,
        the folder of the referring file.
        """
        for spelling in dict.fromkeys((name, unquote(name))):
            wanted = PurePosixPath(plain_path(spelling).casefold())
            bare = wanted.suffix not in PICTURE_SUFFIXES
            found = self._by_name.get(wanted.name, [])
            if not bare:
                found = [path for path in found if path.name.casefold() == wanted.name]
            if not found:
                continue
            ends = [_common_end(path.relative_to(self._folder).parts[:-1], wanted.parts[:-1]) for path in found]
            best = [path for path, end in zip(found, ends, strict=True) if end == max(ends)]
            if len(best) > 1 and near is not None:
                best = [path for path in best if near in path.parents] or best
            if len(best) == 1:
                return best[0]
        return None


def _common_end(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left.casefold() != right:
            break
        count += 1
    return count
