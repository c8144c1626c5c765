"""Databases as older versions made them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from recorded import record

from hemato_edge.store.file import connect

LAYOUTS = {number: (Path(__file__).parent / f"layout_v{number}.sql").read_text() for number in (1, 2)}
TABLES = {1: ("sessions", "fields", "cells", "tallies"), 2: (*("sessions", "fields", "cells", "tallies"), "portraits")}


def make_old(path: Path, version: int, labels: list[str], sessions: int = 1) -> None:
    """A database of schema version 1, 2 or 3 with sessions of `labels`; pictures from 2 on, chains from 3."""
    new = path.with_name("new.db")
    for _ in range(sessions):
        record(new, labels, pictures=True)
    if version == 3:  # from before cells had attributes
        with closing(sqlite3.connect(new)) as connection:
            connection.executescript("ALTER TABLE cells DROP COLUMN attributes; DROP TABLE deletions;")
            connection.execute("PRAGMA user_version = 3")
        new.rename(path)
        return
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            f"PRAGMA application_id = {connect.APPLICATION_ID}; PRAGMA user_version = {version};"
            f"PRAGMA journal_mode = WAL; {LAYOUTS[version]}"
        )
        connection.execute("ATTACH ? AS source", (str(new),))
        for table in TABLES[version]:
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}")  # noqa: S608
        connection.commit()
