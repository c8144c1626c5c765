"""Which picture file an annotation means: by a path of another machine, with the other slash, or by the bare name."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hemato_training.data.picture_set import PICTURE_SUFFIXES

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
    """Finds the pictures of a folder by what annotations call them.

    Args:
        files: the pictures.
        folder: that they lie below.
    """

    def __init__(self, files: Sequence[Path], folder: Path) -> None:
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        self._folder = folder
        for path in files:
            self._by_name[path.name.casefold()].append(path)
            self._by_name[path.stem.casefold()].append(path)

    def find(self, name: str, near: Path | None = None) -> Path | None:
        """The picture that `name` means, or None where none or more than one may be meant.

        Of several files of one name the one counts whose folders agree with the longest end of `name`; then one that
        lies below `near`, the folder of the file that names it.
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
