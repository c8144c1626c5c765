"""The one way to make a database and to open it, and how to tell one of ours."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.store.file.errors import damaged, translated
from hemato_edge.store.file.layout import lacking
from hemato_edge.store.file.privacy import make_private
from hemato_edge.store.file.schema import LAYOUT
from hemato_edge.store.seal import SealingConnection

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.store.seal import SealKey

APPLICATION_ID = 0x48454D45
"""SQLite's `application_id` of our files: "HEME"."""
SCHEMA_VERSION = 5
"""SQLite's `user_version`. A file with a higher one is refused, one with a lower one is migrated by `migration`."""
BUSY_TIMEOUT_S = 5.0
"""How long to wait for a lock of another connection."""


def connect(
    path: Path, mode: str, *, immutable: bool = False, unlocked: bool = False, key: SealKey | None = None
) -> sqlite3.Connection:
    """Opens the database with the settings that every connection needs. Transactions are explicit.

    Never open the file with `open()` beside this: closing it would drop the POSIX locks that SQLite
    holds for the whole process (https://www.sqlite.org/howtocorrupt.html, 2.2).

    Args:
        path: absolute.
        mode: SQLite's URI mode: "ro", "rw" or "rwc".
        immutable: nobody writes the file while it is open; SQLite then makes no files beside it.
        unlocked: the disk is read-only for everyone; the log is read with an index in memory, without locks and files.
        key: seals the entries of the chain that are written.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    uri = f"{path.as_uri()}?mode={mode}" + "&immutable=1" * immutable + "&vfs=unix-none" * unlocked
    connection = sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_S,
        check_same_thread=False,
        factory=SealingConnection,
    )
    connection.seal_key = key
    try:
        if unlocked:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:  # whatever it was: tidied up, and raised again
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
        build(scratch)
        make_private(scratch)
        scratch.rename(path)
        sync_folder(path.parent)


def build(scratch: Path) -> None:
    """Makes an empty database of today's layout at `scratch`, instead of what a killed process left there.

    Raises:
        sqlite3.Error, OSError: it cannot be written.
    """
    for leftover in (scratch, scratch.with_name(scratch.name + "-journal")):
        leftover.unlink(missing_ok=True)
    with closing(connect(scratch, "rwc")) as connection:
        connection.executescript(
            "PRAGMA auto_vacuum = INCREMENTAL;"  # what pruning frees can be given back to the disk, see `pruning`
            f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};{LAYOUT} COMMIT;"
        )


def sync_folder(folder: Path) -> None:
    """Sees to it that names in `folder` survive a power cut.

    Raises:
        OSError: it cannot be opened.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that never writes, to an absolute `path`; also where the file lies on read-only media.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    journal = path.with_name(path.name + "-journal")
    if journal.exists() and journal.stat().st_size and os.access(path.parent, os.W_OK):
        _undo(path)
    # Where SQLite could not make its -shm file.
    if os.access(path.parent, os.W_OK):
        return connect(path, "ro")
    logged = log_path(path).exists()
    read_only = bool(os.statvfs(path.parent).f_flag & os.ST_RDONLY)
    return connect(path, "ro", immutable=not logged, unlocked=logged and read_only)


def _undo(path: Path) -> None:
    """Lets SQLite undo a write that was cut off before the file had its write-ahead log; reading alone must not.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    with closing(connect(path, "rw")) as connection:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def use_log(connection: sqlite3.Connection, path: Path) -> None:
    """Switches a database that is to be written to SQLite's write-ahead log.

    Raises:
        StoreError: its file system cannot do that.
    """
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"The file system of {path} does not support SQLite's write-ahead log.",
            "Use a local disk or SD card, not a network share.",
        )


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


def inspect(path: Path) -> None:
    """Makes sure that an existing file is a sound database of ours, without writing to it.

    Raises:
        StoreError, sqlite3.Error: it is not.
    """
    # Read-only: closing a read-write connection may write, and a bad file stays as it is.
    at_rest = not log_path(path).exists()
    with closing(connect(path, "ro", immutable=at_rest)) as connection:
        identify(connection, path)
        quick_check(connection, path)
        refuse_lacking(connection, path)


def refuse_lacking(connection: sqlite3.Connection, path: Path) -> None:
    """Makes sure that all tables and columns of the file's version are there.

    Raises:
        StoreError: the file is damaged.
    """
    for what in lacking(connection):
        raise damaged(path, what)


def quick_check(connection: sqlite3.Connection, path: Path) -> None:
    """SQLite's own consistency check (`PRAGMA quick_check`); reads the whole file.

    Raises:
        StoreError: the file is damaged.
    """
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise damaged(path, found)


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
            "Type `hemato-edge db restore COPY`, or remove the empty file to begin a new database.",
        )
