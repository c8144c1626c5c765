"""Pictures of cells removed at a person's word: in steps that need little room, which is given back to the disk."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hemato_edge.store.write.retention import PRUNE_STEP, Shelf

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from hemato_edge.store.write.allowance import Allowance
    from hemato_edge.store.write.retention import Retention

_PAGES_A_STEP = 256
"""Pages that are given back in one transaction: some move, so at most twice 1 MB is written."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What pruning did.

    Attributes:
        pictures: so many were removed.
        waiting: so many more are too old by the clock, and go later, see `allowance`.
    """

    pictures: int
    waiting: int = 0


class Pruning:
    """Removes pictures from a database whose writer's turn it is.

    Each step stays removed when a later one fails. Methods raise `sqlite3.Error` where there is no room for a step, or
    the disk fails.

    Args:
        connection: of the writer.
        transaction: of the writer.
        resized: told whenever the file may have become shorter.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        transaction: Callable[[], AbstractContextManager[None]],
        resized: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._transaction = transaction
        self._resized = resized

    def of_session(self, session: int) -> Pruned:
        """Removes all pictures of a session."""
        gone = 0
        while True:
            with self._transaction():
                step = self._connection.execute(
                    "DELETE FROM portraits WHERE rowid IN (SELECT rowid FROM portraits WHERE session = ? LIMIT ?)",
                    (session, PRUNE_STEP),
                ).rowcount
            if not step:
                break
            gone += step
            self.empty_log()
        self.give_back()
        return Pruned(gone)

    def by(self, retention: Retention, allowance: Allowance) -> Pruned:
        """Removes the pictures, of all sessions, that `retention` does not keep; by age only what `allowance` lets."""
        now, gone = datetime.now(timezone.utc), 0
        shelf = Shelf(retention, self._connection)
        while leaving := shelf.surplus(now, most=PRUNE_STEP, by_age=allowance.pictures(len(shelf))):
            with self._transaction():
                self._connection.executemany("DELETE FROM portraits WHERE rowid = ?", [(one.row,) for one in leaving])
            if shelf.aged:
                allowance.spend(shelf.aged, len(shelf))
            shelf.removed(leaving)
            gone += len(leaving)
            self.empty_log()
        self.give_back()
        return Pruned(gone, waiting=len(shelf.surplus(now, most=len(shelf))))

    def give_back(self) -> None:
        """Gives the file's unused pages back to the disk, some at a time.

        A file that an older version made keeps its size, and uses the pages again: SQLite would have to write it anew,
        for which a full disk has no room. That too little room is left is logged; what was removed stays so.
        """
        left = self._unused()
        try:
            while left:
                self._connection.execute(f"PRAGMA incremental_vacuum({_PAGES_A_STEP})").fetchall()
                self.empty_log()
                before, left = left, self._unused()
                if left >= before:
                    return
        except sqlite3.OperationalError as error:
            _log.warning("the room of removed pictures is used again, but not given back to the disk: %s", error)

    def _unused(self) -> int:
        return int(self._connection.execute("PRAGMA freelist_count").fetchone()[0])

    def empty_log(self) -> None:
        """Writes the log into the file and cuts both short; a reader that is in the way is left alone."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._resized()
