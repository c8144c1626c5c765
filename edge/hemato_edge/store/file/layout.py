"""The tables and columns that a database of each version has, against those that are in a file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from hemato_edge.store.file import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    Tables = dict[str, set[str]]
    """Table → its columns."""


def tables_of(version: int) -> Tables:
    """The tables of a version of the schema."""
    with closing(sqlite3.connect(":memory:")) as model:
        model.executescript(schema.LAYOUT)
        wanted = tables_in(model)
    for later in (number for number in schema.ADDED if number > version):
        with closing(sqlite3.connect(":memory:")) as model:
            model.executescript("CREATE TABLE sessions (id INTEGER PRIMARY KEY);" + schema.ADDED[later])
            for name in names(model, "table") - {"sessions"}:
                wanted.pop(name, None)
        for table, column, _ in schema.NEW_COLUMNS[later]:
            wanted.get(table, set()).discard(column)
    return wanted


def tables_in(connection: sqlite3.Connection) -> Tables:
    """The tables of a file, as they are."""
    return {name: _columns(connection, name) for name in names(connection, "table")}


def lacking(connection: sqlite3.Connection) -> Iterator[str]:
    """What a file lacks of its version, a sentence each: a damaged schema page can look sound to SQLite."""
    version = int(connection.execute("PRAGMA main.user_version").fetchone()[0])
    there = tables_in(connection)
    for name, columns in sorted(tables_of(version).items()):
        if name not in there:
            yield f"table {name} is missing"
        elif not columns <= there[name]:
            yield f"table {name} does not have the columns of version {version}"


def names(connection: sqlite3.Connection, kind: str) -> set[str]:
    """The names of what a file holds of a kind ("table", "view", "trigger"), without SQLite's own."""
    listed = connection.execute(
        "SELECT name FROM main.sqlite_schema WHERE type = ? AND name NOT LIKE 'sqlite!_%' ESCAPE '!'", (kind,)
    )
    return {str(row[0]) for row in listed}


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[0]) for row in connection.execute("SELECT name FROM pragma_table_info(?, 'main')", (table,))}
