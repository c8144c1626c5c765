"""One command on a database, killed at each write, sync and rename: started by `test_killed_commands`.

    python killed_commands.py backup|restore|prune|delete DATABASE EVERY

Prints one JSON object a line: step, and what came of it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from killed_migrations import KILLED, WHOLE, forked, totals

from hemato_edge.store.file import connect
from hemato_edge.store.file.backup import back_up
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.recovery.restore import restore
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
COPY, EARLIER = "copy-of-x.db", "earlier-x.db"


def pictures(path: Path) -> int:
    with closing(connect.open_to_read(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM portraits WHERE session = 1").fetchone()[0])


def prune(path: Path) -> None:
    with open_writer(path, to_prune=True) as writer:
        writer.prune_portraits(1)


def delete(path: Path) -> None:
    with open_writer(path) as writer:
        writer.delete_session(1, "a test", "it can be killed", NOON)


def backed_up(path: Path, before: list[object]) -> bool:
    """Nothing changed, and the copy is whole or not there."""
    copy = path.with_name(COPY)
    return totals(path) == before and (not copy.exists() or (check(copy).good and totals(copy) == before))


def restored(path: Path, before: list[object]) -> bool:
    """It is the one or the other, and the one before is there in any case."""
    open_writer(path).close()
    now, earlier = totals(path), totals(path.with_name(EARLIER))
    kept = path.with_name("x.db.replaced")
    return now == before or (now == earlier and totals(kept) == before)


def pruned(path: Path, before: list[object]) -> bool:
    """All counts are there, and what is left can be removed."""
    same = totals(path) == before
    prune(path)
    return same and totals(path) == before and pictures(path) == 0


def deleted(path: Path, before: list[object]) -> bool:
    """The session is there whole, or gone with its trace; it can be deleted then."""
    with Reader(path) as reader:
        there = [session.id for session in reader.sessions()]
    if there == [1, 2]:
        if totals(path) != before:
            return False
        delete(path)
    return totals(path) == before[1:] and [one.session for one in check(path).deletions] == [1]


COMMANDS: dict[str, tuple[Callable[[Path], object], Callable[[Path, list[object]], bool]]] = {
    "backup": (lambda path: back_up(path, path.with_name(COPY)), backed_up),
    "restore": (lambda path: restore(path.with_name(EARLIER), path), restored),
    "prune": (prune, pruned),
    "delete": (delete, deleted),
}


def main() -> None:
    """The command, the database, and how many calls to go on after each."""
    (command, came_right), database, every = COMMANDS[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3])
    before, status, step = totals(database), KILLED, 0
    while status == KILLED:
        state = database.parent / str(step)
        shutil.copytree(database.parent, state, ignore=lambda *_: [one.name for one in database.parent.glob("[0-9]*")])
        path = state / database.name

        def killed(path: Path = path, step: int = step) -> None:
            os.environ |= {"EIO_CALLS": "wsn", "EIO_FROM": str(step), "EIO_KILL": "1"}
            command(path)

        def tell(path: Path = path, step: int = step) -> None:
            right = came_right(path, before)
            print(json.dumps([step, "right" if right and check(path).good else "wrong"]), flush=True)

        status = forked(killed)
        assert forked(tell) == WHOLE
        shutil.rmtree(state)
        step += every
    assert status == WHOLE


if __name__ == "__main__":
    main()
