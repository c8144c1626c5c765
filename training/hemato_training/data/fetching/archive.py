"""Unpacking an archive that came from elsewhere: nothing outside the target, no links, no bomb."""

from __future__ import annotations

import shutil
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from hemato_edge.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_training.progress import Reporter

MAX_BYTES = 100 << 30
"""More than any data set here unpacks to."""
MAX_RATIO = 100
"""Unpacked to packed: pictures are compressed already, so that more is a bomb."""
_FREE = 1 << 20


def unpack(archive: Path, target: Path, inner: str, reporter: Reporter) -> int:
    """Unpack a zip or tar archive so that `target` becomes the data set, whole or not at all.

    Args:
        archive: the file.
        target: a folder that does not exist yet.
        inner: glob pattern of the folder within the archive that is wanted; empty for all of it.
        reporter: receives progress.

    Returns:
        How many files were written.

    Raises:
        DataError: if it is no archive, damaged, would write outside of `target`, would fill the disk, or lacks `inner`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as room:
            written = _unpack_all(archive, Path(room) / "all", reporter)
            found = sorted((Path(room) / "all").glob(inner)) if inner else [Path(room) / "all"]
            if not found or not found[0].is_dir():
                raise DataError(f"{archive} has no folder {inner}.", "Its home has changed it; unpack it by hand.")
            found[0].rename(target)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{archive} is damaged: {error}.", "Remove it and download again.") from error
    except OSError as error:
        raise DataError(f"{archive} cannot be unpacked: {error}.", "Make room, or change --to.") from error
    return written


def _unpack_all(archive: Path, room: Path, reporter: Reporter) -> int:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            infos = [i for i in packed.infolist() if not i.is_dir() and "__MACOSX" not in i.filename]
            links = (stat.S_ISLNK(i.external_attr >> 16) for i in infos)
            members = [(i.filename, i.file_size, link) for i, link in zip(infos, links, strict=True)]
            _check_members(archive, members)
            return _write(((i.filename, packed.open(i)) for i in infos), len(infos), room, reporter)
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as packed_tar:
            all_members = [m for m in packed_tar.getmembers() if not m.isdir()]
            _check_members(archive, [(m.name, m.size, not m.isreg()) for m in all_members])
            opened = ((m.name, packed_tar.extractfile(m)) for m in all_members)
            return _write(opened, len(all_members), room, reporter)
    raise DataError(f"{archive} is neither a zip nor a tar archive.", "Remove it and download again.")


def _check_members(archive: Path, members: list[tuple[str, int, bool]]) -> None:
    """Refuse what no honest data set holds; members are name, bytes, and whether it is a link or a device."""
    for name, _, odd in members:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or odd:
            raise DataError(
                f"{archive} would write outside of its folder ({name!r}).",
                "It is broken or malicious: do not unpack it.",
            )
    size = sum(size for _, size, _ in members)
    if size > min(MAX_BYTES, archive.stat().st_size * MAX_RATIO + _FREE):
        raise DataError(
            f"{archive} would unpack to {size / 1e9:.1f} GB.", "It is broken or malicious: do not unpack it."
        )
    if size + _FREE > shutil.disk_usage(archive.parent).free:
        raise DataError(f"{size / 1e9:.1f} GB are needed to unpack {archive}.", "Make room, or change --to.")


def _write(members: Iterator[tuple[str, IO[bytes] | None]], count: int, room: Path, reporter: Reporter) -> int:
    room.mkdir(parents=True)
    for name, source in reporter.track(members, f"unpacking {count} files", count):
        path = room / PurePosixPath(name.replace("\\", "/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        if source is not None:
            with source, path.open("wb") as file:
                shutil.copyfileobj(source, file)
    return count
