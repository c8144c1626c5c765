"""Migrates an old database, killed at each write, sync and rename: started by `test_killed_migration`.

Prints one JSON object a line: step, what was done to the log and its index, and what came of it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from collections.abc import Callable

KILLED, WHOLE = 9, 0
"""Exit status of a migration that was killed, and of one that was not."""


def forked(work: Callable[[], object]) -> int:
    """Exit status of a child that does it: 0, or the signal that ended it."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def cut_log(path: Path, size: float) -> None:
    """Leave that share of the write-ahead log."""
    log = path.with_name(path.name + "-wal")
    if log.exists():
        os.truncate(log, int(log.stat().st_size * size))


def cut_index(path: Path, size: int) -> None:
    index = path.with_name(path.name + "-shm")
    if index.exists():
        os.truncate(index, size)


def without(path: Path, end: str) -> None:
    path.with_name(path.name + end).unlink(missing_ok=True)


AFTERWARDS: dict[str, Callable[[Path], None]] = {
    "nothing": lambda path: None,
    "no index": lambda path: without(path, "-shm"),
    "index cut to 0": lambda path: cut_index(path, 0),
    "index cut to 100": lambda path: cut_index(path, 100),
    "no log": lambda path: without(path, "-wal"),
    "log cut to 0": lambda path: cut_log(path, 0.0),
    "log cut to half": lambda path: cut_log(path, 0.5),
    "log cut at its end": lambda path: cut_log(path, 0.97),
    "neither": lambda path: (without(path, "-wal"), without(path, "-shm")),  # type: ignore[return-value]
}


def totals(path: Path) -> list[object]:
    with Reader(path) as reader:
        return [reader.totals(session.id) for session in reader.sessions()]


def outcome(path: Path, wanted: list[object]) -> str:
    """ "right": read, migrated and sound, with all counts; "told": refused with a reason, and the copy has all."""
    try:
        if totals(path) != wanted:
            return "wrong when it was read"
        open_writer(path).close()
        found = check(path)
        if not found.good or totals(path) != wanted:
            return f"wrong after migration: {[step.found for step in found.steps if step.found]}"
    except StoreError as error:
        copies = [copy for copy in path.parent.glob("old.db.v*-backup*") if not copy.name.endswith(".partial")]
        if not any(totals(copy) == wanted and check(copy).good for copy in copies):
            return f"lost: {error}"
        return "told"
    return "right"


def tried(state: Path, step: int, wanted: list[object]) -> None:
    """All that may happen to the files that were left behind, each in a copy of their folder."""
    copy = state.parent / "copy"
    for name, change in AFTERWARDS.items():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(state, copy)
        change(copy / "old.db")

        def tell(name: str = name) -> None:
            print(json.dumps([step, name, outcome(copy / "old.db", wanted)]), flush=True)

        assert forked(tell) == WHOLE


def main() -> None:
    """The old database, and how many steps to go on after each."""
    old, every = Path(sys.argv[1]), int(sys.argv[2])
    wanted, status, step = totals(old), KILLED, 0
    while status == KILLED:
        state = old.parent / str(step)
        state.mkdir()
        shutil.copy(old, state / "old.db")

        def migrate(path: Path = state / "old.db", step: int = step) -> None:
            os.environ |= {"EIO_CALLS": "wsn", "EIO_FROM": str(step), "EIO_KILL": "1"}
            open_writer(path).close()

        status = forked(migrate)
        tried(state, step, wanted)
        shutil.rmtree(state)
        step += every
    assert status == WHOLE


if __name__ == "__main__":
    main()
