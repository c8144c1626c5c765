"""Which reports a receiver has acknowledged: a small SQLite file beside the store.

No message waits in it: a report that is not acknowledged is made anew from the store when it is sent.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hemato_edge.store.file.errors import translated
from hemato_edge.store.file.lock import WriterLock

if TYPE_CHECKING:
    from pathlib import Path

_LAYOUT = (
    "CREATE TABLE IF NOT EXISTS acknowledged (session TEXT PRIMARY KEY, control TEXT NOT NULL, utc TEXT NOT NULL,"
    " refused TEXT NOT NULL, link TEXT) STRICT, WITHOUT ROWID"
)
_MIGRATION = "ALTER TABLE acknowledged ADD COLUMN link TEXT"
"""Files of the first layout name no link: their reports are told by their control ids once more."""


def acknowledged_path(database: Path) -> Path:
    """The file that belongs to a database."""
    return database.with_name(database.name + ".hl7")


class Acknowledged:
    """The open file; a context manager. One process at a time.

    Args:
        path: from `acknowledged_path`.

    Raises:
        StoreError: another process sends just now, or the file cannot be used. Every method raises it, too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = WriterLock(path)
        try:
            with translated(path):
                self._connection = sqlite3.connect(path, isolation_level=None)
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute(_LAYOUT)
                if "link" not in {row[1] for row in self._connection.execute("PRAGMA table_info (acknowledged)")}:
                    self._connection.execute(_MIGRATION)
        except BaseException:  # whatever it was: tidied up, and raised again
            self._lock.release()
            raise

    def settled(self, session: str, link: str | None) -> bool:
        """Whether the receiver has taken, or refused, the report of a session whose chain ends with `link`.

        A session without a chain (`link` None) is told by `control` alone.
        """
        with translated(self.path):
            row = self._connection.execute("SELECT link FROM acknowledged WHERE session = ?", (session,)).fetchone()
        return row is not None and link is not None and row[0] == link

    def control(self, session: str) -> str | None:
        """The control id of the last report of a session that was taken or refused; None where none was."""
        with translated(self.path):
            row = self._connection.execute("SELECT control FROM acknowledged WHERE session = ?", (session,)).fetchone()
        return None if row is None else str(row[0])

    def settle(self, session: str, link: str | None, control: str, refused: str = "") -> None:
        """Note that the receiver has the report; `refused`: why it did not take it."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        with translated(self.path):
            self._connection.execute(
                "INSERT INTO acknowledged (session, control, utc, refused, link) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (session) DO UPDATE SET control = excluded.control, utc = excluded.utc,"
                " refused = excluded.refused, link = excluded.link",
                (session, control, now, refused, link),
            )

    def still_settled(self, session: str, link: str | None) -> None:
        """Note that the chain has grown and the report has not changed by it."""
        with translated(self.path):
            self._connection.execute("UPDATE acknowledged SET link = ? WHERE session = ?", (link, session))

    def forget_refused(self) -> int:
        """Make the refused reports due again; how many there were."""
        with translated(self.path):
            return self._connection.execute("DELETE FROM acknowledged WHERE refused <> ''").rowcount

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()
        self._lock.release()

    def __enter__(self) -> Acknowledged:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
