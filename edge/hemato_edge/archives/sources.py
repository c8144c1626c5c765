"""What is to be analysed: slides, each being the pictures of one folder, videos, and recorded sessions."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.cameras.picture_files import PICTURE_SUFFIXES
from hemato_edge.errors import ArchiveError
from hemato_edge.escaped import as_utf8
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hemato_edge.store.records import SessionRecord

PICTURES, VIDEO, SESSION = "pictures", "video", "session"
"""The kinds of sources."""
VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mjpg", ".mjpeg", ".mpg", ".mpeg", ".ts"})
_BYTES_A_CELL = 12_000
"""Of the stored picture of a cell: what a session's share of the work is reckoned from."""


@dataclass(frozen=True, slots=True)
class Source:
    """A piece of work that stands for itself and is analysed by one process.

    Attributes:
        name: how results name it: the folder of a slide, the file of a video or of a stranger, DATABASE#SESSION.
        kind: `PICTURES`, `VIDEO` or `SESSION`.
        files: the pictures, the video, or the database.
        digest: of names, sizes and times of the files, or of the end of the session's chain: where it is another one,
            the source has changed.
        weight: bytes to read, by which progress is told.
        session: its number; 0 for files.
    """

    name: str
    kind: str
    files: tuple[str, ...]
    digest: str
    weight: int
    session: int = 0


def sources_in(
    named: Sequence[Path], *, recursive: bool, each: bool, failed: Callable[[str, str], None]
) -> list[Source]:
    """The slides and videos in files and folders, by their names.

    The pictures of one folder are one slide, as for `hemato-edge analyze FOLDER`: they share their scale and stain.

    Args:
        named: files, and folders that stand for what is in them.
        recursive: go into sub-folders, each a slide of its own; links to folders are not followed.
        each: every picture is a source of its own.
        failed: called with path and reason of a folder that cannot be read.

    Raises:
        ArchiveError: a path does not exist, or nothing was found.
    """
    slides: dict[Path, set[Path]] = {}
    videos: set[Path] = set()
    for path in _files(named, recursive=recursive, failed=failed):
        if path.suffix.lower() in VIDEO_SUFFIXES:
            videos.add(path)
        else:
            slides.setdefault(path if each else path.parent, set()).add(path)
    found = [_of_files(place, PICTURES, sorted(inside)) for place, inside in slides.items()]
    found += [_of_files(path, VIDEO, [path]) for path in videos]
    if named and not found:
        hint = "Name another." if recursive else "Name another, or add --recursive for sub-folders."
        raise ArchiveError(f"There is no picture and no video in {', '.join(map(str, named))}.", hint)
    return sorted(found, key=lambda source: source.name)


def sessions_in(database: Path, numbers: Sequence[int], failed: Callable[[str, str], None]) -> list[Source]:
    """The recorded sessions of a database, which is only read.

    Args:
        database: the file.
        numbers: of the sessions; none: all that have ended.
        failed: called with name and reason of a session that is being recorded.

    Raises:
        StoreError: the database cannot be read, or has no such session.
    """
    path = database.absolute()
    with Reader(path) as reader:
        records = [reader.session(number) for number in dict.fromkeys(numbers)] if numbers else reader.sessions()
        found = []
        for record in records:
            if record.state == RUNNING:
                failed(session_name(path, record.id), "It is being recorded. Analyse it again when it has ended.")
            else:
                found.append(_of_session(reader, path, record))
    return found


def session_name(database: Path, session: int) -> str:
    """How results name a session."""
    return f"{as_utf8(str(database))}#{session}"


def _of_session(reader: Reader, path: Path, record: SessionRecord) -> Source:
    cells = sum(reader.totals(record.id).labels.values())
    end = reader.last_link(record.id) or f"{record.started_utc} {record.ended_utc}"
    name = session_name(path, record.id)
    return Source(name, SESSION, (str(path),), _digest([end]), cells * _BYTES_A_CELL, record.id)


def _files(named: Sequence[Path], *, recursive: bool, failed: Callable[[str, str], None]) -> Iterator[Path]:
    for place in named:
        path = place.absolute()
        if path.is_dir():
            yield from _files_of(path, recursive=recursive, failed=failed)
        elif path.exists():
            yield path
        else:
            raise ArchiveError(f"There is no file {place}.", "Check the path.")


def _files_of(folder: Path, *, recursive: bool, failed: Callable[[str, str], None]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        failed(as_utf8(str(error.filename)), f"The folder cannot be read ({error.strerror}). Check its permissions.")

    for place, inner, files in os.walk(folder, onerror=unreadable):
        for name in files:
            path = Path(place, name)
            if path.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES and path.is_file():
                yield path
        if not recursive:
            inner.clear()


def _of_files(place: Path, kind: str, files: Sequence[Path]) -> Source:
    said, weight = [], 0
    for file in files:
        try:
            status = file.stat()
        except OSError:  # gone, or out of reach: told when it is read
            said.append(str(file))
            continue
        said.append(f"{file} {status.st_size} {status.st_mtime_ns}")
        weight += status.st_size
    return Source(as_utf8(str(place)), kind, tuple(map(str, files)), _digest(said), weight)


def _digest(said: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(said).encode("utf-8", "surrogateescape")).hexdigest()
