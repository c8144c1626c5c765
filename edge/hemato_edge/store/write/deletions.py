"""Deleting a session: its records and pictures go, and the last entry of its chain stays as a trace.

The trace says which session it was, when, by whom and why it was deleted, and how much it held. It is linked to the
last link that the chain had, so that it fits the head that was noted outside of the database; the number is never given
to another session. What was deleted is written over in the file (SQLite's `secure_delete`); copies are not touched.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hemato_edge.escaped import as_utf8
from hemato_edge.store import chain
from hemato_edge.store.records import RUNNING
from hemato_edge.store.rows import deletion_record, iso
from hemato_edge.store.seal import KEY

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from datetime import datetime

    from hemato_edge.store.records import Deletion

BEFORE, END = "before", "end"
"""What a trace says of the chain that it ends: its last link; entry and link of the last end of the session."""
_TABLES = ("portraits", "relabels", "joined", "cells", "fields", "tallies", "events")
_END = "SELECT entry, link FROM events WHERE session = ? AND event = ? ORDER BY entry DESC LIMIT 1"
_NEWEST_RELABEL = (
    "SELECT max(coalesce((SELECT max(id) FROM relabels), 0),"
    " coalesce((SELECT max(json_extract(said, '$.last_relabel')) FROM deletions), 0))"
)
_NEWEST_SESSION = (
    "SELECT max(coalesce((SELECT max(id) FROM sessions), 0), coalesce((SELECT max(id) FROM deletions), 0))"
)


def delete(connection: sqlite3.Connection, session: int, who: str, why: str, utc: datetime) -> None:
    """Deletes a session and leaves its trace, inside the caller's transaction.

    Raises:
        ValueError: nobody, no reason, no such session, one that still runs, or a time without zone.
    """
    row = connection.execute("SELECT state FROM sessions WHERE id = ?", (session,)).fetchone()
    if not who.strip() or not why.strip() or row is None or row[0] == RUNNING:
        msg = f"{who!r} cannot delete session {session} because of {why!r}"
        raise ValueError(msg)
    last, before = chain.last_entry(connection, session)
    said = {"utc": iso(utc), "who": as_utf8(who), "why": as_utf8(why), **_held(connection, session)}
    end = connection.execute(_END, (session, chain.END)).fetchone()
    said |= {BEFORE: before.hex(), END: [end[0], end[1].hex()] if end else None}
    first = connection.execute("SELECT said FROM events WHERE session = ? AND entry = 0", (session,)).fetchone()
    if first is not None and (key := json.loads(first[0]).get(KEY)):
        said[KEY] = key
    text = chain.sealed(connection, (last + 1, before), chain.DELETED, said, [])
    link = chain.next_link(before, last + 1, chain.DELETED, text, [])
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table} WHERE session = ?", (session,))  # noqa: S608 - the names are ours
    connection.execute("DELETE FROM sessions WHERE id = ?", (session,))
    connection.execute("INSERT INTO deletions VALUES (?, ?, ?, ?)", (session, last + 1, text, link))


def _held(connection: sqlite3.Connection, session: int) -> dict[str, Any]:
    """How much a session held, and the newest change of a label in the database: its number is not given again."""
    counted = {
        table: connection.execute(f"SELECT count(*) FROM {table} WHERE session = ?", (session,)).fetchone()[0]  # noqa: S608
        for table in ("fields", "cells", "portraits")
    }
    return {**counted, "last_relabel": connection.execute(_NEWEST_RELABEL).fetchone()[0]}


def next_session(connection: sqlite3.Connection) -> int:
    """The number of the next session: no number is given twice."""
    return int(connection.execute(_NEWEST_SESSION).fetchone()[0]) + 1


def next_relabel(connection: sqlite3.Connection) -> int:
    """The number of the next change of a label: they grow, also where the newest were deleted with their session."""
    return int(connection.execute(_NEWEST_RELABEL).fetchone()[0]) + 1


def deletions(connection: sqlite3.Connection) -> list[Deletion]:
    """The traces of all deleted sessions, by their numbers.

    Raises:
        sqlite3.DatabaseError: the file is damaged.
    """
    rows = connection.execute("SELECT id, entry, said, link FROM deletions ORDER BY id")
    return [deletion_record(tuple(row)) for row in rows]


@contextmanager
def written_over(connection: sqlite3.Connection) -> Iterator[None]:
    """What is deleted in the block is written over with zeros, once the write-ahead log is emptied into the file."""
    (before,) = connection.execute("PRAGMA secure_delete").fetchone()
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    try:
        yield
    finally:
        connection.execute(f"PRAGMA secure_delete = {int(before)}").fetchall()
