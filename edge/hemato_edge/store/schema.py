"""The database's layout, and the one way to open it.

Writes are small, for SD cards: the keys are the tables' own order (no index beside them), and one
field of view touches one page of each table.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.store.faults import DAMAGED, translated

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION_ID = 0x48454D45
"""SQLite's `application_id` of our files: "HEME"."""
SCHEMA_VERSION = 2
"""SQLite's `user_version`. A file with a higher one is refused, one with a lower one is migrated by `migration`."""
BUSY_TIMEOUT_S = 5.0
"""How long to wait for a lock of another connection."""

ADDED_IN_2 = """
CREATE TABLE portraits (            -- may be missing or removed; no count depends on them
  session INTEGER NOT NULL,
  field INTEGER NOT NULL,
  cell INTEGER NOT NULL,
  jpeg BLOB NOT NULL,
  activation BLOB,                  -- rows x columns bytes, 255 where most speaks for cells.best
  activation_columns INTEGER,
  PRIMARY KEY (session, field, cell),
  FOREIGN KEY (session, field, cell) REFERENCES cells (session, field, number)
) STRICT;

CREATE TABLE relabels (             -- what people changed; rows are added and never altered
  id INTEGER PRIMARY KEY,
  session INTEGER NOT NULL,
  field INTEGER NOT NULL,
  cell INTEGER NOT NULL,
  utc TEXT NOT NULL,
  who TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  relabelled TEXT,                  -- what cells.relabelled became
  undoes INTEGER REFERENCES relabels (id),
  FOREIGN KEY (session, field, cell) REFERENCES cells (session, field, number)
) STRICT;
"""
"""The tables that version 1 did not have."""

_LAYOUT = f"""
CREATE TABLE sessions (
  id INTEGER PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'interrupted')),
  started_utc TEXT NOT NULL,
  started_monotonic_s REAL NOT NULL,
  boot_id TEXT NOT NULL,
  ended_utc TEXT,
  camera TEXT NOT NULL,
  label TEXT NOT NULL,
  target INTEGER,
  model_name TEXT NOT NULL,
  model_sha256 TEXT NOT NULL,
  classifier_labels TEXT NOT NULL,  -- JSON list: the order of cells.probabilities
  settings TEXT NOT NULL,           -- JSON, canonical
  settings_sha256 TEXT NOT NULL,
  versions TEXT NOT NULL,           -- JSON
  red_cell_px REAL,
  stain TEXT,                       -- JSON
  confusion TEXT                    -- JSON, of the model's card: rows truth, columns answer; or NULL
) STRICT;

CREATE TABLE fields (
  session INTEGER NOT NULL REFERENCES sessions (id),
  number INTEGER NOT NULL,          -- from 0 within the session
  frame_index INTEGER NOT NULL,
  utc TEXT NOT NULL,
  monotonic_s REAL NOT NULL,
  source TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  region INTEGER,                   -- these four are the pose, or all NULL
  x_px REAL,
  y_px REAL,
  pose_confidence REAL,
  seen_wbc INTEGER NOT NULL,
  seen_rbc INTEGER NOT NULL,
  seen_platelet INTEGER NOT NULL,
  new_rbc INTEGER NOT NULL CHECK (new_rbc >= 0),
  new_platelet INTEGER NOT NULL CHECK (new_platelet >= 0),
  quality TEXT NOT NULL,            -- JSON
  latency_ms TEXT NOT NULL,         -- JSON
  PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE cells (
  session INTEGER NOT NULL,
  field INTEGER NOT NULL,
  number INTEGER NOT NULL,          -- from 0 within the field
  x_px REAL NOT NULL,
  y_px REAL NOT NULL,
  x0 REAL NOT NULL,
  y0 REAL NOT NULL,
  x1 REAL NOT NULL,
  y1 REAL NOT NULL,
  diameter_px REAL NOT NULL,
  score REAL NOT NULL,
  label TEXT NOT NULL,
  best TEXT NOT NULL,
  confidence REAL NOT NULL,
  probabilities BLOB NOT NULL,      -- little-endian float32, in the order of sessions.classifier_labels
  relabelled TEXT,                  -- what a person called it last; NULL while the machine's answer stands
  PRIMARY KEY (session, field, number),
  FOREIGN KEY (session, field) REFERENCES fields (session, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE tallies (
  session INTEGER NOT NULL REFERENCES sessions (id),
  name TEXT NOT NULL,               -- "frames", "dropped", "rejected:out_of_focus", "skipped:unreadable", …
  count INTEGER NOT NULL CHECK (count >= 0),
  PRIMARY KEY (session, name)
) STRICT, WITHOUT ROWID;
{ADDED_IN_2}"""


def connect(path: Path, mode: str, *, immutable: bool = False) -> sqlite3.Connection:
    """Opens the database with the settings that every connection needs. Transactions are explicit.

    Never open the file with `open()` beside this: closing it would drop the POSIX locks that SQLite
    holds for the whole process (https://www.sqlite.org/howtocorrupt.html, 2.2).

    Args:
        path: absolute.
        mode: SQLite's URI mode: "ro", "rw" or "rwc".
        immutable: nobody writes the file while it is open; SQLite then makes no files beside it.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    uri = f"{path.as_uri()}?mode={mode}" + ("&immutable=1" if immutable else "")
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def log_path(path: Path) -> Path:
    """The write-ahead log of the database at `path`; there while somebody has it open, or was killed."""
    return path.with_name(path.name + "-wal")


def create(path: Path) -> None:
    """Creates an empty database at `path`, where no file is: whole or not at all, even under SIGKILL.

    The caller holds the writer's lock.
    """
    wal = log_path(path)
    if wal.exists() and wal.stat().st_size:  # a reader leaves an empty one
        raise StoreError(
            f"The database {path} is missing, but its write-ahead log {wal.name} is there.",
            "Bring the database back beside it, or move the log aside.",
        )
    scratch = path.with_name(path.name + ".creating")
    with translated(path):
        for leftover in (scratch, scratch.with_name(scratch.name + "-journal")):
            leftover.unlink(missing_ok=True)
        with closing(connect(scratch, "rwc")) as connection:
            connection.executescript(
                f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
                f"{_LAYOUT} COMMIT;"
            )
        scratch.rename(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # the name must survive a power cut, too
        finally:
            os.close(folder)


def identify(connection: sqlite3.Connection, path: Path) -> None:
    """Makes sure that this is a database of ours, in a version that this program knows.

    Raises:
        StoreError: another application's file, or a newer version.
        sqlite3.DatabaseError: not a database at all.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID or version < 1:
        raise StoreError(
            f"The file {path} is a SQLite database, but not one of hemato-edge. It was left untouched.",
            "Name another file with --db.",
        )
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"The database {path} has schema version {version}; this program knows {SCHEMA_VERSION}.",
            "Upgrade hemato-edge (`pipx upgrade hemato-edge`), or record into another file with --db.",
        )


def quick_check(connection: sqlite3.Connection, path: Path) -> None:
    """SQLite's own consistency check (`PRAGMA quick_check`); reads the whole file.

    Raises:
        StoreError: the file is damaged.
    """
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        message, fix = DAMAGED
        raise StoreError(f"The database {path} {message} ({' '.join(found.split())})", fix)


def check_place(path: Path) -> None:
    """Refuses paths at which no database can be.

    Raises:
        StoreError: a folder, a device, an empty file, or a folder that is not there.
    """
    with translated(path):
        if path.is_dir():
            raise StoreError(
                f"The database path {path} is a folder.", "Name a file in it, for example --db records.db."
            )
        if not path.parent.is_dir():
            raise FileNotFoundError(2, "No such directory")
        if not path.exists():
            return
        size = path.stat().st_size
    if not path.is_file():
        raise StoreError(f"The database path {path} is not a regular file.", "Name another one with --db.")
    if size == 0:
        raise StoreError(
            f"The database {path} is empty (0 bytes): it was cut short, or another program made it.",
            "Restore a backup, or remove the empty file to begin a new database.",
        )
