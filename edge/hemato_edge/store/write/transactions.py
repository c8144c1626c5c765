"""Transactions of a database whose file may be locked by another program, or gone, while it is written."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.store.file.errors import translated
from hemato_edge.store.file.rescue import rescue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from hemato_edge.store.file.identity import FileIdentity

_LONGEST_PAUSE_S = 5.0
_log = logging.getLogger(__name__)


class Transactions:
    """All of a block is on disk or nothing of it, in the file that is at the path.

    Args:
        connection: to the database, open for writing.
        path: of its file.
        patience_s: how much longer than SQLite's own time-out to wait for another program's lock, seconds.

    Attributes:
        blocked: another program holds the lock at the moment, and a transaction waits for it.
        identity: of the file; None before it is ready to be watched.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, patience_s: float) -> None:
        self.blocked = False
        self.identity: FileIdentity | None = None
        self._connection = connection
        self._path = path
        self._patience_s = patience_s
        self._hurried = threading.Event()

    def hurry(self) -> None:
        """Wait no longer for another program's lock. Safe in a signal handler."""
        self._hurried.set()

    @contextmanager
    def of_same_file(self, counts: Callable[[], Mapping[str, object]]) -> Iterator[None]:
        """A transaction in the file that is at the path, before it and after its commit.

        Args:
            counts: what is known of the running session; it is saved beside what the lost file held.

        Raises:
            StoreError: the disk is full or failing, the file is locked for too long, or it is another one by now.
        """
        with translated(self._path):
            self._check_file(counts)
            with self.immediate():
                yield
            self._check_file(counts, after_commit=True)

    @contextmanager
    def immediate(self) -> Iterator[None]:
        """A transaction, begun with the lock for writing."""
        try:
            self._take_lock()
            yield
            self._connection.execute("COMMIT")
        except BaseException:  # whatever it was: tidied up, and raised again
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _take_lock(self) -> None:
        """Begins to write; another program's lock is waited for as long as there is patience for it."""
        until, pause_s = time.monotonic() + self._patience_s, 0.1
        try:
            while True:
                try:
                    self._connection.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as error:
                    if "locked" not in str(error) or self._hurried.is_set() or time.monotonic() >= until:
                        raise
                    if not self.blocked:
                        _log.warning("the database %s is locked by another program: waiting for it", self._path)
                    self.blocked = True
                    self._hurried.wait(pause_s)
                    pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                else:
                    return
        finally:
            self.blocked = False

    def _check_file(self, counts: Callable[[], Mapping[str, object]], *, after_commit: bool = False) -> None:
        what = None if self.identity is None else self.identity.lost(after_commit=after_commit)
        if what is None:
            return
        saved = rescue(self._connection, self._path, counts())
        where = "and could not be saved elsewhere" if saved is None else f"is saved as {saved}"
        raise StoreError(
            f"The database {self._path} {what} while it was being written. What was recorded {where}.",
            "Find out which program touched it, bring the right file back, then start again."
            if saved is None
            else f"Find out which program touched it; `hemato-edge db check --db {saved}` looks at what was saved.",
        )
