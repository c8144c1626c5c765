"""What has been analysed: an SQLite file in the output folder, one row per source, written before progress is reported.

An end at any moment, a power cut among them, costs the sources at work and nothing else.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from hemato_edge.archives.terms import differences
from hemato_edge.errors import ArchiveError
from hemato_edge.store.file.errors import translated
from hemato_edge.store.file.lock import WriterLock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hemato_edge.archives.rows import Findings
    from hemato_edge.archives.sources import Source

NAME = "journal.db"
_APPLICATION = 0x48454152
"""SQLite's application id: "HEAR"."""
_LAYOUT = """
CREATE TABLE terms (fingerprint TEXT NOT NULL) STRICT;
CREATE TABLE sources (
  name TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  done INTEGER NOT NULL,            -- 0: it failed as a whole, and is tried again by the next call
  pictures INTEGER NOT NULL,
  failed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE tables (               -- Arrow IPC streams
  source TEXT NOT NULL REFERENCES sources (name),
  name TEXT NOT NULL,
  rows BLOB NOT NULL,
  PRIMARY KEY (source, name)
) STRICT;
"""


class Journal:
    """The open file; a context manager. One process at a time.

    Args:
        folder: of the output; made if it is not there.
        fingerprint: of the terms that hold now.

    Raises:
        ArchiveError: the folder was begun under other terms, or holds something else of that name.
        StoreError: another process works in the folder, the disk is full or fails. Every method raises it, too.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.path = folder / NAME
        with translated(self.path):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = WriterLock(self.path)
        try:
            with translated(self.path):
                self._connection = sqlite3.connect(self.path, isolation_level=None)
                self._open(folder, fingerprint)
        except BaseException:  # whatever it was: tidied up, and raised again
            self._lock.release()
            raise

    def _open(self, folder: Path, fingerprint: str) -> None:
        connection = self._connection
        if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                raise ArchiveError(f"{self.path} is no journal of an analysis.", "Name another folder with --out.")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"BEGIN; {_LAYOUT} PRAGMA application_id = {_APPLICATION}; COMMIT;")
        connection.execute("PRAGMA synchronous = FULL")
        row = connection.execute("SELECT fingerprint FROM terms").fetchone()
        if row is None:
            connection.execute("INSERT INTO terms VALUES (?)", (fingerprint,))
        elif row[0] != fingerprint:
            what = "; ".join(differences(row[0], fingerprint))
            raise ArchiveError(
                f"{folder} was begun under other terms ({what}).",
                f"Go on under the old ones; or name another --out, and --compare {folder} tells what differs.",
            )

    def done(self) -> dict[str, str]:
        """Name → digest of each source that needs no further work."""
        with translated(self.path):
            return dict(map(tuple, self._connection.execute("SELECT name, digest FROM sources WHERE done")))

    def record(self, source: Source, findings: Findings, tables: Mapping[str, bytes], *, done: bool) -> None:
        """Put a source's tables in the place of what was there of it; when this returns, they are on disk."""
        with translated(self.path):
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute("DELETE FROM tables WHERE source = ?", (source.name,))
                row = (source.name, source.digest, int(done), findings.pictures, findings.failed)
                connection.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?)", row)
                connection.executemany(
                    "INSERT INTO tables VALUES (?, ?, ?)", [(source.name, name, rows) for name, rows in tables.items()]
                )
                connection.execute("COMMIT")
            except BaseException:  # whatever it was: nothing half stays, and it is raised again
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def totals(self) -> tuple[int, int, int]:
        """Sources, pictures and failures of all that is recorded."""
        with translated(self.path):
            row = self._connection.execute(
                "SELECT count(*), coalesce(sum(pictures), 0), coalesce(sum(failed), 0) FROM sources"
            ).fetchone()
        return int(row[0]), int(row[1]), int(row[2])

    def rows(self, table: str) -> Iterator[bytes]:
        """The stored streams of one table, in the order of the sources' names."""
        with translated(self.path):
            found = self._connection.execute("SELECT rows FROM tables WHERE name = ? ORDER BY source", (table,))
            for row in found:
                yield row[0]

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()
        self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
