"""The hash chain of a session: each record is linked to the one before, so that a later edit shows.

An entry of the chain is one event: the start, a field with its cells, changed tallies, a relabel, two cells that were
joined, the end. Its link is

    SHA-256(link before, [entry, event, said] as JSON, SHA-256 of each row that it covers)

`said` holds what stands in a place that is written over later (tallies, the session's state), so that these places can
be reckoned again from the chain. `marks` are the first bytes of the rows' hashes: they cost little and tell which row
was edited. Pictures are removed in time, so no link covers them; their hashes stand in `said` of their field, so that
one that is still there can be told from one that was put in its place. Order is by number and not by a clock.

Without a key the chain finds what was changed past the program; who can rewrite every later link can also hide it,
unless the last link, which `db check` and the report print, was noted elsewhere; see `heads`. With one, see `seal`.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from typing import TYPE_CHECKING

from hemato_edge.store.rows import canonical_json
from hemato_edge.store.seal import KEY, SEAL, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SINCE = 3
"""The schema version from which on databases have a chain."""
MARK_BYTES = 4
"""Of each row's hash; enough to tell which row differs, while the link proves that one does."""
START, FIELD, TALLIES, OPTICS, RELABEL, JOINED, END = "start", "field", "tallies", "optics", "relabel", "joined", "end"
APPROVED = "approved"
"""A person approved a session as it then stood; see `write.approvals`."""
DESCRIBED = "described"
"""A person renamed a session or wrote a comment; what was recorded at its start stays as it was."""
DELETED = "deleted"
"""The last entry of a session that a person deleted: it alone is left, see `write.deletions`."""
ADOPTED, REPAIRED = "adopted", "repaired"
"""Events that cover everything that a session then has: recorded by an older version, or salvaged."""

SEALED: dict[str, tuple[str, ...]] = {
    "sessions": (
        *("id", "started_utc", "started_monotonic_s", "boot_id", "camera", "label", "target", "model_name"),
        *("model_sha256", "classifier_labels", "settings", "settings_sha256", "versions", "confusion"),
    ),
    "fields": (
        *("session", "number", "frame_index", "utc", "monotonic_s", "source", "width", "height", "region"),
        *("x_px", "y_px", "pose_confidence", "seen_wbc", "seen_rbc", "seen_platelet", "new_rbc", "new_platelet"),
        *("quality", "latency_ms"),
    ),
    "cells": (
        *("session", "field", "number", "x_px", "y_px", "x0", "y0", "x1", "y1", "diameter_px", "score"),
        *("label", "best", "confidence", "probabilities"),
    ),
    "relabels": (*("id", "session", "field", "cell", "utc", "who", "before", "after", "relabelled", "undoes"),),
    "joined": ("session", "field", "cell", "kept_field", "kept_cell", "utc"),
}
"""Table → the columns that are hashed, in this order: all that are never written over."""
SEALED_WHERE_SAID: dict[str, tuple[str, ...]] = {"cells": ("attributes",)}
"""Table → columns that came later: each is hashed, with its name, where it is not NULL, so that older links hold."""
SESSION_STATE = ("state", "ended_utc", "ended_because", "red_cell_px", "stain")
"""The columns of a session that are written over; the chain says their values in `said`."""

_encode = json.JSONEncoder(separators=(",", ":"), default=bytes.hex).encode
_LAST = (
    "SELECT entry, link FROM ("
    "SELECT * FROM (SELECT entry, link FROM events WHERE session = :session ORDER BY entry DESC LIMIT 1)"
    " UNION ALL SELECT * FROM (SELECT entry, link FROM fields WHERE session = :session ORDER BY number DESC LIMIT 1)"
    ") WHERE entry IS NOT NULL ORDER BY entry DESC LIMIT 1"
)


def row_hash(table: str, row: Mapping[str, object] | sqlite3.Row) -> bytes:
    """SHA-256 of the sealed columns of a row, the same before it is written and after it is read."""
    values = [table, *(_as_stored(row[name]) for name in SEALED[table])]
    for name in SEALED_WHERE_SAID.get(table, ()):
        if name in row.keys() and row[name] is not None:  # noqa: SIM118 - a sqlite3.Row iterates over its values
            values += [name, row[name]]
    return hashlib.sha256(_encode(values).encode()).digest()


def picture_hash(jpeg: bytes, activation: bytes | None) -> str:
    """Of a cell's picture with its map: the first 16 hexadecimal digits of their SHA-256."""
    return hashlib.sha256(jpeg + (activation or b"")).hexdigest()[:16]


def marks(hashes: Iterable[bytes]) -> bytes:
    """The first bytes of each."""
    return b"".join(one[:MARK_BYTES] for one in hashes)


def first_link(session: int) -> bytes:
    """What stands before the first entry of a session."""
    return hashlib.sha256(f"hemato-edge session {session}".encode()).digest()


def next_link(before: bytes, entry: int, event: str, said: str, hashes: Iterable[bytes]) -> bytes:
    """The link of an entry."""
    return hashlib.sha256(before + _encode([entry, event, said]).encode() + b"".join(hashes)).digest()


def last_entry(connection: sqlite3.Connection, session: int) -> tuple[int, bytes]:
    """Number and link of the last entry of a session; -1 and `first_link` before the first."""
    row = connection.execute(_LAST, {"session": session}).fetchone()
    return (-1, first_link(session)) if row is None else (row[0], row[1])


def link_of(connection: sqlite3.Connection, session: int, entry: int) -> str | None:
    """The link of one entry, hexadecimal; None where the chain does not reach so far."""
    row = connection.execute(
        "SELECT link FROM events WHERE session = :session AND entry = :entry"
        " UNION ALL SELECT link FROM fields WHERE session = :session AND entry = :entry",
        {"session": session, "entry": entry},
    ).fetchone()
    return None if row is None else bytes(row[0]).hex()


def append(
    connection: sqlite3.Connection,
    session: int,
    event: str,
    said: Mapping[str, object],
    rows: Iterable[tuple[str, Mapping[str, object] | sqlite3.Row]] = (),
) -> None:
    """Adds an entry that is no field, inside the caller's transaction, in which its rows are written."""
    hashes = [row_hash(table, row) for table, row in rows]
    last, before = last_entry(connection, session)
    entry, text = last + 1, sealed(connection, (last + 1, before), event, said, hashes)
    connection.execute(
        "INSERT INTO events (session, entry, event, said, marks, link) VALUES (?, ?, ?, ?, ?, ?)",
        (session, entry, event, text, marks(hashes), next_link(before, entry, event, text, hashes)),
    )


def sealed(
    connection: sqlite3.Connection,
    place: tuple[int, bytes],
    event: str,
    said: Mapping[str, object],
    hashes: list[bytes],
) -> str:
    """What an entry says, as JSON, with its seal where the connection has a key; `place`: number, link before."""
    key = key_of(connection)
    if key is None:
        return canonical_json(said)
    entry, before = place
    said = {**said, KEY: key.name} if entry == 0 else said
    return canonical_json({**said, SEAL: key.seal(next_link(before, entry, event, canonical_json(said), hashes))})


def seal_field(
    connection: sqlite3.Connection,
    session: int,
    row: Mapping[str, object],
    cells: Iterable[Mapping[str, object]],
    said: Mapping[str, object],
) -> dict[str, object]:
    """The four columns that link a field to its session's chain.

    Args:
        connection: of the writer.
        session: its number.
        row: of `fields`, not yet written.
        cells: rows of `cells`, in order.
        said: the tallies that change with it, and the hashes of its pictures; see `picture_hash`.
    """
    before, link = last_entry(connection, session)
    hashes = [row_hash("fields", row), *(row_hash("cells", cell) for cell in cells)]
    entry, given = before + 1, {name: value for name, value in said.items() if value}
    text = sealed(connection, (entry, link), FIELD, given, hashes)
    link = next_link(link, entry, FIELD, text, hashes)
    return {"entry": entry, "said": text, "marks": marks(hashes), "link": link}


def seal_all(connection: sqlite3.Connection, session: int, event: str, why: Mapping[str, object]) -> None:
    """Begins a session's chain with an entry that covers all that is there, `ADOPTED` or `REPAIRED`.

    Its fields must have no link yet.
    """
    last_relabel = connection.execute("SELECT max(id) FROM relabels WHERE session = ?", (session,)).fetchone()[0]
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    state = dict(cursor.execute("SELECT * FROM sessions WHERE id = ?", (session,)).fetchone())
    tallies = dict(connection.execute("SELECT name, count FROM tallies WHERE session = ?", (session,)).fetchall())
    named = connection.execute(
        "SELECT field, number, relabelled FROM cells WHERE session = ? AND relabelled IS NOT NULL", (session,)
    ).fetchall()
    said = {
        "session": {name: state[name] for name in SESSION_STATE},
        "tallies": tallies,
        "relabelled": named,
        "last_relabel": last_relabel,
        **why,
    }
    append(connection, session, event, said, covered_by_all(connection, session, last_relabel))


def covered_by_all(
    connection: sqlite3.Connection, session: int, last_relabel: int | None
) -> Iterator[tuple[str, sqlite3.Row]]:
    """Table and row of all that `ADOPTED` and `REPAIRED` cover, in order."""
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    statements = {
        "sessions": "SELECT * FROM sessions WHERE id = :session",
        "fields": "SELECT * FROM fields WHERE session = :session AND entry IS NULL ORDER BY number",
        "cells": "SELECT c.* FROM cells c JOIN fields f ON f.session = c.session AND f.number = c.field"
        " WHERE c.session = :session AND f.entry IS NULL ORDER BY c.field, c.number",
        "relabels": "SELECT * FROM relabels WHERE session = :session AND id <= :last ORDER BY id",
        "joined": "SELECT * FROM joined WHERE session = :session ORDER BY field, cell",
    }
    for table, statement in statements.items():
        for row in cursor.execute(statement, {"session": session, "last": last_relabel or 0}):
            yield table, row


def _as_stored(value: object) -> object:
    """A value as SQLite gives it back: NaN becomes NULL, and a negative zero loses its sign."""
    if isinstance(value, float):
        return None if math.isnan(value) else value + 0.0
    return value
