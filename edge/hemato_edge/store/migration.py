"""Older databases: brought to today's layout before they are written to, and read as they are until then."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from itertools import chain, count
from typing import TYPE_CHECKING

from hemato_edge.store import schema
from hemato_edge.store.faults import translated

if TYPE_CHECKING:
    from pathlib import Path

_NEW_COLUMNS = {"sessions": "confusion", "cells": "relabelled"}
"""Table → the text column that version 1 did not have."""


def backup_path(path: Path, version: int) -> Path:
    """Where the copy of a database goes before its migration from `version`: a name that is free."""
    first = path.with_name(f"{path.name}.v{version}-backup")
    others = (first.with_name(f"{first.name}-{number}") for number in count(2))
    return next(place for place in chain([first], others) if not place.exists())


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of an open database."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Brings the database to `schema.SCHEMA_VERSION`, all or nothing, after a copy of it has been made beside it.

    The caller holds the writer's lock and has identified the file.

    Raises:
        StoreError: the disk is full or not writable; the database is then as it was.
    """
    with translated(path):
        version = version_of(connection)
        if version >= schema.SCHEMA_VERSION:
            return
        _back_up(connection, backup_path(path, version))
        columns = "".join(f"ALTER TABLE {table} ADD COLUMN {name} TEXT;" for table, name in _NEW_COLUMNS.items())
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE; {columns} {schema.ADDED_IN_2}PRAGMA user_version = {schema.SCHEMA_VERSION}; COMMIT;"
            )
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def view_as_current(connection: sqlite3.Connection) -> None:
    """Lets a reader see an older database in today's layout, through temporary views; the file is not touched."""
    if version_of(connection) >= schema.SCHEMA_VERSION:
        return
    connection.execute("PRAGMA temp_store = MEMORY")
    for table, name in _NEW_COLUMNS.items():
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT *, NULL AS {name} FROM main.{table}")  # noqa: S608
    connection.executescript(schema.ADDED_IN_2.replace("CREATE TABLE", "CREATE TEMP TABLE"))


def _back_up(connection: sqlite3.Connection, target: Path) -> None:
    """A copy with all that is committed, the write-ahead log included; whole or not there."""
    scratch = target.with_name(target.name + ".partial")
    scratch.unlink(missing_ok=True)
    with closing(sqlite3.connect(scratch)) as copy:
        connection.backup(copy)
    with scratch.open("rb") as stream:
        os.fsync(stream.fileno())
    scratch.rename(target)
