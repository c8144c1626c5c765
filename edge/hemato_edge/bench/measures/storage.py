"""Commit time on the disk that holds the database. The database itself is never touched."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.bench.figures import Gap
from hemato_edge.home import from_home
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hemato_edge.bench.measures.timing import Deadline
    from hemato_edge.store.records import SessionStart
    from hemato_edge.store.writer import Writer
    from hemato_edge.values import FieldResult

_MOST_VISIT = 80


def place_near(database: Path) -> tuple[Path, Gap | None]:
    """A writable folder on the database's disk; else the system's temporary folder.

    Args:
        database: path in the settings; need not exist.

    Returns:
        The folder, and a note if it is on another disk.
    """
    home = from_home(database).absolute().parent
    near = next((folder for folder in (home, *home.parents) if folder.is_dir()), home)
    if os.access(near, os.W_OK | os.X_OK):
        return near, None
    elsewhere = Path(tempfile.gettempdir())
    return elsewhere, Gap(name="store", reason=f"{near} cannot be written to; measured in {elsewhere} instead")


@contextmanager
def temporary_database(folder: Path) -> Iterator[Writer]:
    """A new database in a temporary folder of its own.

    Raises:
        StoreError: see `open_writer`.
    """
    with (
        tempfile.TemporaryDirectory(prefix=".hemato-edge-bench-", dir=folder) as own,
        open_writer(Path(own) / "bench.db", passing=True) as writer,
    ):
        yield writer


def commit_ms(writer: Writer, start: SessionStart, results: Sequence[FieldResult], deadline: Deadline) -> list[float]:
    """Milliseconds per commit of a field with all its cells and their pictures, without the first commit."""
    session = writer.start_session(start)
    times: list[float] = []
    for number in range(_MOST_VISIT):
        result = results[number % len(results)]
        began = time.perf_counter()
        writer.commit_field(session, result, {"frames": number + 1})
        times.append((time.perf_counter() - began) * 1e3)
        if deadline.over and len(times) > 3:
            break
    return times[1:]
