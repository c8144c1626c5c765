"""Copies of a database, made while it may be in use: whole and verified, or not there."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.store.file import connect
from hemato_edge.store.file.errors import translated
from hemato_edge.store.file.failing import disk_fails
from hemato_edge.store.file.privacy import make_private

if TYPE_CHECKING:
    from pathlib import Path

_PAGES_A_STEP = 1024
"""So a writer waits for 4 MB of copying at most."""


def back_up(source: Path, target: Path | None = None) -> Path:
    """Copies the database at `source` with SQLite's backup, all that is committed included, and verifies the copy.

    Args:
        source: the database; it is not changed, and may be in use.
        target: a file that is not there yet; None for a name with the time beside the database.

    Returns:
        where the copy is.

    Raises:
        StoreError: the source is damaged or none of ours, the target is there already, or the disk is full.
    """
    connect.check_place(source)
    if not source.exists():
        raise StoreError(f"There is no database {source}.", "Name the file with --db.")
    if target is None:
        now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        target = source.with_name(f"{source.name}.{now}-backup")
    if target.exists():
        raise StoreError(f"{target} is there already; it was left as it is.", "Name another file with --out.")
    with translated(source), closing(connect.open_to_read(source)) as connection:
        connect.identify(connection, source)
        try:
            copy_database(connection, target)
        except StoreError as error:
            if disk_fails(source):  # reading and writing are one to SQLite
                raise OSError(errno.EIO, "input/output error") from error
            raise
    return target


def copy_database(connection: sqlite3.Connection, target: Path) -> None:
    """A copy of an open database with all that is committed; whole, verified and synced, or not there.

    Raises:
        StoreError: what was copied is damaged; nothing is left at `target` then.
        sqlite3.Error, OSError: it cannot be copied.
    """
    scratch = target.with_name(target.name + ".partial")
    scratch.unlink(missing_ok=True)
    try:
        with translated(target), closing(sqlite3.connect(scratch)) as copy:
            connection.backup(copy, pages=_PAGES_A_STEP)
            # A copy is one file: no log beside it, and media that cannot be written can be read from.
            copy.execute("PRAGMA journal_mode = DELETE")
            connect.quick_check(copy, target)
        with translated(target):
            with scratch.open("rb") as stream:
                os.fsync(stream.fileno())
            make_private(scratch)
            scratch.rename(target)
            connect.sync_folder(target.parent)
    except BaseException:  # whatever it was: tidied up, and raised again
        for leftover in (scratch, scratch.with_name(scratch.name + "-journal")):
            leftover.unlink(missing_ok=True)
        raise
