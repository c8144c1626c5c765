"""Puts the readable records of a damaged file into a new database, each into the table that it has the shape of."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.store import chain
from hemato_edge.store.file.schema import NEW_COLUMNS
from hemato_edge.store.recovery.verify_chain import verify_chain
from hemato_edge.store.write.statements import insert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.store.recovery.sqlite_pages import Pages, Record, Value

TABLES = ("sessions", "fields", "cells", "tallies", "portraits", "relabels", "joined", "events", "repairs", "deletions")
LOST = "lost"
"""Stands in the texts of a row that was made because rows that were saved need it."""
_TYPES = {"INTEGER": (int,), "REAL": (int, float), "TEXT": (str,), "BLOB": (bytes,)}
_JPEG = (b"\xff\xd8", b"\xff\xd9")
_NEEDS = {
    "portraits": "cells p ON (p.session, p.field, p.number) = (t.session, t.field, t.cell)",
    "relabels": "cells p ON (p.session, p.field, p.number) = (t.session, t.field, t.cell)",
    "joined": "cells p ON (p.session, p.field, p.number) = (t.session, t.field, t.cell)",
}


@dataclass(slots=True)
class Salvaged:
    """What came out of a damaged file.

    Attributes:
        saved: table → rows.
        stand_ins: table → rows that were made anew, with "lost" in their texts, since saved rows need them.
        unplaced: table → readable rows that were left out, since the row that they belong to is gone.
        unreadable_pages: pages of the file that hold something that cannot be read.
        resealed: sessions whose chain was broken and begins anew with what was saved.
        sessions_lost: numbers of which nothing was left.
        lost: what the chains say is missing or changed, a sentence each.
    """

    saved: dict[str, int] = field(default_factory=dict)
    stand_ins: dict[str, int] = field(default_factory=dict)
    unplaced: dict[str, int] = field(default_factory=dict)
    unreadable_pages: int = 0
    resealed: list[int] = field(default_factory=list)
    sessions_lost: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    types: tuple[type, ...]
    nullable: bool


def salvage(pages: Pages, connection: sqlite3.Connection) -> Salvaged:
    """Fills a new, empty database with what `pages` holds, and seals what its chains do not vouch for any more.

    Args:
        pages: of the damaged file.
        connection: of the new database, inside a transaction, without foreign keys.
    """
    shapes = {table: _columns(connection, table) for table in TABLES}
    for record in pages.records():
        for table, columns in shapes.items():
            if _fits(record, table, columns):
                _put(connection, table, columns, record)
    result = Salvaged(unreadable_pages=len(pages.unreadable))
    result.saved = _counted(connection)
    result.stand_ins = _make_stand_ins(connection)
    result.unplaced = dict(_drop_orphans(connection))
    for table, count in result.unplaced.items():
        result.saved[table] -= count
    _seal(connection, result)
    return result


def _counted(connection: sqlite3.Connection) -> dict[str, int]:
    return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}  # noqa: S608


def _columns(connection: sqlite3.Connection, table: str) -> list[_Column]:
    return [
        _Column(name, _TYPES[kind], not needed or (key == 1 and name == "id"))
        for _, name, kind, needed, _, key in connection.execute(f"PRAGMA table_info({table})")
    ]


def _fits(record: Record, table: str, columns: list[_Column]) -> bool:
    """Whether a record has the shape of a table: no two of ours have the same."""
    later = {name for added in NEW_COLUMNS.values() for where, name, _ in added if where == table}
    least = len(columns) - len(later)
    if (record.row is not None) != (columns[0].name == "id" or table == "portraits"):
        return False
    if not least <= len(record.values) <= len(columns):
        return False
    typed = all(_is(value, column) for value, column in zip(record.values, columns, strict=False))
    return typed and (table != "portraits" or _whole_picture(record.values[3]))


def _is(value: Value, column: _Column) -> bool:
    return column.nullable if value is None else isinstance(value, column.types)


def _whole_picture(jpeg: Value) -> bool:
    """A picture may have lost its end to a page that was overwritten."""
    return isinstance(jpeg, bytes) and jpeg.startswith(_JPEG[0]) and jpeg.endswith(_JPEG[1])


def _put(connection: sqlite3.Connection, table: str, columns: list[_Column], record: Record) -> None:
    row: dict[str, object] = dict(zip((column.name for column in columns), record.values, strict=False))
    if "id" in row:
        row["id"] = record.row
    try:
        insert(connection, table, row)
    except sqlite3.IntegrityError:
        # The same row again, from a page that SQLite has left behind, or one that no rule of ours allows.
        return


def _make_stand_ins(connection: sqlite3.Connection) -> dict[str, int]:
    """Rows that others need and that are gone; they say "lost" and count nothing."""
    made: Counter[str] = Counter()
    for session, number in connection.execute(
        "SELECT DISTINCT session, field FROM cells c WHERE NOT EXISTS"
        " (SELECT 1 FROM fields f WHERE f.session = c.session AND f.number = c.field)"
    ).fetchall():
        utc, monotonic_s = _neighbour(connection, session, number)
        numbers = dict.fromkeys(("width", "height", "seen_wbc", "seen_rbc", "seen_platelet", "new_rbc"), 0)
        texts = {"utc": utc, "source": LOST, "quality": "{}", "latency_ms": "{}"}
        place = {"session": session, "number": number, "frame_index": -1, "monotonic_s": monotonic_s}
        insert(connection, "fields", place | numbers | texts | {"new_platelet": 0})
        made["fields"] += 1
    for (session,) in connection.execute(
        "SELECT session FROM (SELECT session FROM fields UNION SELECT session FROM tallies UNION"
        " SELECT session FROM events) WHERE session NOT IN (SELECT id FROM sessions)"
    ).fetchall():
        utc, monotonic_s = _neighbour(connection, session, 0)
        texts = dict.fromkeys(("boot_id", "camera", "label", "model_name", "model_sha256"), LOST)
        insert(connection, "sessions", _session_stand_in(session, utc, monotonic_s) | texts)
        made["sessions"] += 1
    return dict(made)


def _session_stand_in(session: int, utc: str, monotonic_s: float) -> dict[str, object]:
    return {
        **{"id": session, "state": "interrupted", "started_utc": utc, "started_monotonic_s": monotonic_s},
        **{"classifier_labels": json.dumps(CLASSIFIER_LABELS), "versions": "{}"},
        **{"settings": "{}", "settings_sha256": hashlib.sha256(b"{}").hexdigest()},
        **{"ended_because": "what the session began with is lost"},
    }


def _neighbour(connection: sqlite3.Connection, session: int, number: int) -> tuple[str, float]:
    """Times of the saved field that is nearest to one that is lost; the beginning of time where there is none."""
    row = connection.execute(
        "SELECT utc, monotonic_s FROM fields WHERE session = ? ORDER BY abs(number - ?) LIMIT 1", (session, number)
    ).fetchone()
    return (row[0], row[1]) if row else ("1970-01-01T00:00:00.000+00:00", 0.0)


def _drop_orphans(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    for table, parent in _NEEDS.items():
        keys = "t.id" if table == "relabels" else "t.session, t.field, t.cell"
        orphans = f"SELECT {keys} FROM {table} t LEFT JOIN {parent} WHERE p.number IS NULL"  # noqa: S608
        count = connection.execute(
            f"DELETE FROM {table} WHERE ({keys.replace('t.', '')}) IN ({orphans})"  # noqa: S608
        ).rowcount
        if count:
            yield table, count
    connection.execute(
        "DELETE FROM joined WHERE NOT EXISTS (SELECT 1 FROM cells c"
        " WHERE (c.session, c.field, c.number) = (joined.session, joined.kept_field, joined.kept_cell))"
    )
    connection.execute("UPDATE relabels SET undoes = NULL WHERE undoes NOT IN (SELECT id FROM relabels)")


def _seal(connection: sqlite3.Connection, result: Salvaged) -> None:
    """A session whose chain is whole, or makes whole, stays as it was; another begins a new one with what was saved."""
    numbers = [row[0] for row in connection.execute("SELECT id FROM sessions ORDER BY id")]
    deleted = {row[0] for row in connection.execute("SELECT id FROM deletions")}
    result.sessions_lost = sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers) - deleted)
    for session in numbers:
        if not verify_chain(connection, session).found:
            continue
        _restore_said(connection, session)
        found = verify_chain(connection, session).found
        if not found:
            continue
        result.lost += found
        result.resealed.append(session)
        connection.execute(
            "UPDATE fields SET entry = NULL, said = NULL, marks = NULL, link = NULL WHERE session = ?", (session,)
        )
        connection.execute("DELETE FROM events WHERE session = ?", (session,))
        chain.seal_all(connection, session, chain.REPAIRED, {"found": len(found)})


def _restore_said(connection: sqlite3.Connection, session: int) -> None:
    """Tallies and the state of a session, as far as they are lost but still said by what is left of its chain."""
    entries = connection.execute(
        "SELECT entry, said FROM fields WHERE session = :session AND entry IS NOT NULL"
        " UNION ALL SELECT entry, said FROM events WHERE session = :session ORDER BY entry",
        {"session": session},
    ).fetchall()
    tallies: dict[str, int] = {}
    state: dict[str, object] = {}
    for _, said in entries:
        with suppress(ValueError, TypeError):  # an entry that was overwritten
            found = json.loads(said)
            tallies |= found.get("tallies", {})
            state |= {name: value for name, value in found.get("session", {}).items() if name in chain.SESSION_STATE}
    connection.executemany(
        "INSERT INTO tallies VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = max(count, excluded.count)",
        [(session, name, count) for name, count in tallies.items()],
    )
    lost = connection.execute("SELECT camera = ? FROM sessions WHERE id = ?", (LOST, session)).fetchone()[0]
    for name, value in state.items() if lost else ():
        connection.execute(f"UPDATE sessions SET {name} = ? WHERE id = ?", (value, session))  # noqa: S608
