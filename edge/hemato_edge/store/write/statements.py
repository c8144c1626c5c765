"""The statements behind a writer's transactions: each runs inside one that the writer has begun."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.escaped import as_utf8, values_as_utf8
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.store import chain
from hemato_edge.store.records import INTERRUPTED, RUNNING
from hemato_edge.store.rows import canonical_json, cell_row, field_row, iso
from hemato_edge.store.write.deletions import next_session

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from hemato_edge.store.records import SessionStart
    from hemato_edge.values import FieldResult

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
POWER_CUT = "its process was killed or lost power"
"""Why a session ended that its own process could not end."""


def insert_session(connection: sqlite3.Connection, start: SessionStart) -> int:
    """A new session; its number.

    Raises:
        ValueError: `start.utc` has no time zone.
    """
    settings = canonical_json(values_as_utf8(start.settings))
    session = next_session(connection)
    row: dict[str, object] = {
        "id": session,
        "state": RUNNING,
        "started_utc": iso(start.utc),
        "started_monotonic_s": float(start.monotonic_s),
        "boot_id": boot_id(),
        "camera": as_utf8(start.camera),
        "label": as_utf8(start.label),
        "target": start.target,
        "model_name": start.model_name,
        "model_sha256": start.model_sha256,
        "classifier_labels": json.dumps(CLASSIFIER_LABELS),
        "settings": settings,
        "settings_sha256": hashlib.sha256(settings.encode()).hexdigest(),
        "versions": canonical_json(start.versions),
        "confusion": None if start.confusion is None else json.dumps(start.confusion),
    }
    insert(connection, "sessions", row)
    chain.append(connection, session, chain.START, {}, [("sessions", row)])
    return session


def insert_field(
    connection: sqlite3.Connection, session: int, number: int, result: FieldResult, tallies: Mapping[str, int]
) -> None:
    """One field with its cells and the tallies that changed with it.

    Raises:
        ValueError: its time has no zone, or a cell does not have one probability a label.
    """
    row = field_row(session, number, result)
    cells = [cell_row(session, number, i, cell) for i, cell in enumerate(result.new_cells)]
    said = {"tallies": dict(tallies), "pictures": _picture_hashes(result)}
    insert(connection, "fields", row | chain.seal_field(connection, session, row, cells, said))
    for cell in cells:
        insert(connection, "cells", cell)
    _set_tallies(connection, session, tallies)


def _picture_hashes(result: FieldResult) -> dict[str, str]:
    """Number of a cell → hash of its picture."""
    pictures = {str(i): cell.portrait for i, cell in enumerate(result.new_cells) if cell.portrait is not None}
    return {
        number: chain.picture_hash(one.jpeg, None if one.activation is None else one.activation.tobytes())
        for number, one in pictures.items()
    }


def insert_tallies(connection: sqlite3.Connection, session: int, tallies: Mapping[str, int]) -> None:
    """Tallies that changed while no field came."""
    _set_tallies(connection, session, tallies)
    chain.append(connection, session, chain.TALLIES, {"tallies": tallies})


def set_state(connection: sqlite3.Connection, session: int, event: str, **columns: object) -> None:
    """Writes over some of a session's `chain.SESSION_STATE`, and says so in its chain."""
    changes = ", ".join(f"{name} = :{name}" for name in columns)
    statement = f"UPDATE sessions SET {changes} WHERE id = :id"  # noqa: S608 - the names are ours, never from outside
    connection.execute(statement, columns | {"id": session})
    said: dict[str, object] = {"session": columns}
    if event == chain.END:
        count = connection.execute("SELECT count(*) FROM fields WHERE session = ?", (session,)).fetchone()[0]
        said["fields"] = count  # so that it shows when the last ones are removed
    chain.append(connection, session, event, said)


def interrupt_running(connection: sqlite3.Connection, noted: Mapping[int, Mapping[str, object]]) -> None:
    """Ends the sessions that an earlier process left running.

    Args:
        connection: of the writer.
        noted: session → state, time and reason of an end that could not be recorded, see `endings`. A session without
            one was killed: it gets the time of its last field.
    """
    rows = connection.execute(
        "SELECT id, (SELECT utc FROM fields WHERE session = sessions.id ORDER BY number DESC LIMIT 1)"
        " FROM sessions WHERE state = ?",
        (RUNNING,),
    ).fetchall()
    for session, utc in rows:
        killed = {"state": INTERRUPTED, "ended_utc": utc, "ended_because": POWER_CUT}
        set_state(connection, session, chain.END, **(noted.get(session) or killed))


def insert(connection: sqlite3.Connection, table: str, row: Mapping[str, object]) -> sqlite3.Cursor:
    """Adds a row."""
    columns, places = ", ".join(row), ", ".join(f":{name}" for name in row)
    # The names are ours, never from outside.
    return connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", row)  # noqa: S608


def _set_tallies(connection: sqlite3.Connection, session: int, tallies: Mapping[str, int]) -> None:
    connection.executemany(
        "INSERT INTO tallies VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = excluded.count",
        [(session, name, count) for name, count in tallies.items()],
    )


def boot_id() -> str:
    """The kernel's name of this boot; empty where it gives none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
