"""Older databases: brought to today's layout before they are written to, and read as they are until then."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from hemato_edge.store import chain
from hemato_edge.store.file import connect
from hemato_edge.store.file.backup import copy_database
from hemato_edge.store.file.errors import translated
from hemato_edge.store.file.schema import ADDED, NEW_COLUMNS

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


def backup_path(path: Path, version: int) -> Path:
    """Where the copy of a database goes before its migration from `version`: a name that is free."""
    first = path.with_name(f"{path.name}.v{version}-backup")
    others = (first.with_name(f"{first.name}-{number}") for number in itertools.count(2))
    return next(place for place in itertools.chain([first], others) if not place.exists())


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of an open database."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Brings the database to `connect.SCHEMA_VERSION`, all or nothing, after a copy of it has been made beside it.

    Sessions that were recorded without a chain are adopted: from then on a change of them shows.
    The caller holds the writer's lock and has identified the file.

    Raises:
        StoreError: the disk is full or not writable; the database is then as it was.
    """
    with translated(path):
        version = version_of(connection)
        if version >= connect.SCHEMA_VERSION:
            return
        copy_database(connection, backup_path(path, version))
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {_additions(version)}")
            unsealed = connection.execute("SELECT id FROM sessions").fetchall() if version < chain.SINCE else []
            for (session,) in unsealed:
                chain.seal_all(connection, session, chain.ADOPTED, {"version": version})
            connection.execute(f"PRAGMA user_version = {connect.SCHEMA_VERSION}")
            connection.execute("COMMIT")
        except BaseException:  # whatever it was: tidied up, and raised again
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def view_as_current(connection: sqlite3.Connection) -> None:
    """Lets a reader see an older database in today's layout, through temporary views; the file is not touched."""
    version = version_of(connection)
    if version >= connect.SCHEMA_VERSION:
        return
    connection.execute("PRAGMA temp_store = MEMORY")
    missing: dict[str, list[str]] = {}
    for later in _later(version):
        for table, name, _ in NEW_COLUMNS[later]:
            missing.setdefault(table, []).append(f"NULL AS {name}")
    for table, columns in missing.items():
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT *, {', '.join(columns)} FROM main.{table}")  # noqa: S608
    for later in _later(version):
        connection.executescript(ADDED[later].replace("CREATE TABLE", "CREATE TEMP TABLE"))


def _later(version: int) -> range:
    return range(version + 1, connect.SCHEMA_VERSION + 1)


def _additions(version: int) -> str:
    """SQL that adds what came after `version`."""
    columns = "".join(
        f"ALTER TABLE {table} ADD COLUMN {name} {kind};"
        for later in _later(version)
        for table, name, kind in NEW_COLUMNS[later]
    )
    return columns + "".join(ADDED[later] for later in _later(version))
