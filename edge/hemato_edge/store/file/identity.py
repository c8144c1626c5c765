"""Whether the file that is written is still the one at its path: it may be deleted, renamed, replaced or cut short.

A deleted file can be written to for as long as it is open, and nothing of that is ever found again. So its device,
inode, size and time of change are compared at every commit.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from hemato_edge.store.file import connect

if TYPE_CHECKING:
    from pathlib import Path


class FileIdentity:
    """Device and inode of an open database and of its write-ahead log.

    Args:
        path: of the database, which is open for writing.

    Raises:
        OSError: one of the two is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = connect.log_path(path)
        self._database_node, self._database_state = _node_and_state(path)
        self._log_node, _ = _node_and_state(self._log)
        self._session: tuple[int, bytes] | None = None

    def watch_session(self, session: int, first_link: bytes) -> None:
        """Know the database by the first link of a session that was checkpointed, so that its main file holds it."""
        self._session = (session, first_link)
        self.resized()

    def resized(self) -> None:
        """This program has just cut the file short: what is there now is what it is known by."""
        _, self._database_state = _node_and_state(self._path)

    def lost(self, *, after_commit: bool = False) -> str | None:
        """What happened to the file, in words; None while it is the one that was opened.

        Args:
            after_commit: this program has just written, so that size and time of change may differ.
        """
        try:
            node, state = _node_and_state(self._path)
        except OSError:
            return "was deleted or renamed"
        if node != self._database_node:
            return "was replaced by another file"
        try:
            if _node_and_state(self._log)[0] != self._log_node:
                return "has lost its write-ahead log, which another program replaced"
        except OSError:
            return "has lost its write-ahead log, which another program deleted"
        if state[0] < self._database_state[0]:
            return "was cut short by another program"
        if state != self._database_state and not (after_commit or self._holds_the_session()):
            return "was overwritten by another program"
        self._database_state = state
        return None

    def _holds_the_session(self) -> bool:
        """Whether the main file, read past the log and all caches, is a database of ours with the session in it."""
        if self._session is None:
            return True
        try:
            with closing(connect.connect(self._path, "ro", immutable=True)) as connection:
                found = connection.execute("SELECT link FROM events WHERE session = ? AND entry = 0", self._session[:1])
                return bool(found.fetchone() == self._session[1:])
        except sqlite3.Error:
            return False


def _node_and_state(path: Path) -> tuple[tuple[int, int], tuple[int, int]]:
    """Device and inode, and size in bytes with the time of change in ns."""
    found = path.stat()
    return (found.st_dev, found.st_ino), (found.st_size, found.st_mtime_ns)
