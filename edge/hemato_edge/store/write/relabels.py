"""What people change about recorded cells: a log that only grows, and the label that stands now."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from hemato_edge.escaped import as_utf8
from hemato_edge.labels import REVIEW_LABELS
from hemato_edge.store import chain
from hemato_edge.store.rows import iso, relabel_record
from hemato_edge.store.write.deletions import next_relabel

if TYPE_CHECKING:
    from datetime import datetime

    from hemato_edge.store.records import Relabel

_COLUMNS = ("id", "session", "field", "cell", "utc", "who", "before", "after", "relabelled", "undoes")
_LAST = (
    "SELECT * FROM relabels r WHERE session = ? AND undoes IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM relabels u WHERE u.undoes = r.id) ORDER BY id DESC LIMIT 1"
)
_STOOD_BEFORE = (
    "SELECT relabelled FROM relabels r WHERE (session, field, cell) = (?, ?, ?) AND id < ? AND undoes IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM relabels u WHERE u.undoes = r.id) ORDER BY id DESC LIMIT 1"
)


def relabel(connection: sqlite3.Connection, cell: tuple[int, int, int], label: str, who: str, utc: datetime) -> None:
    """Enter that `who` calls a cell `label`, inside the caller's transaction.

    The machine's own answer may be given, too: it is then confirmed, and counts as a person's word.

    Args:
        connection: of the writer.
        cell: session, field, number.
        label: one of `labels.REVIEW_LABELS`.
        who: the person; not empty.
        utc: when.

    Raises:
        ValueError: no such cell, another label, nobody, or a time without zone.
    """
    if label not in REVIEW_LABELS or not who.strip():
        msg = f"{who!r} cannot call a cell {label!r}"
        raise ValueError(msg)
    before = _name(connection, cell)
    _enter(connection, cell, iso(utc), as_utf8(who), before, label, label, None)
    _set(connection, cell, label)


def undo(connection: sqlite3.Connection, session: int, who: str, utc: datetime) -> Relabel | None:
    """Take back the session's last change that stands, inside the caller's transaction; both stay in the log.

    Returns:
        The change that was taken back, or None if there is none.
    """
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    row = cursor.execute(_LAST, (session,)).fetchone()
    if row is None:
        return None
    last = relabel_record(row)
    cell = (last.session, last.field, last.cell)
    earlier = connection.execute(_STOOD_BEFORE, (*cell, last.id)).fetchone()
    stands = None if earlier is None else earlier[0]
    _enter(connection, cell, iso(utc), who, last.after, last.before, stands, last.id)
    _set(connection, cell, stands)
    return last


def _enter(connection: sqlite3.Connection, cell: tuple[int, int, int], *change: object) -> None:
    """Adds a row to the log and to the session's chain."""
    values = (next_relabel(connection), *cell, *change)
    row: dict[str, object] = dict(zip(_COLUMNS, values, strict=True))
    places = ", ".join("?" * len(_COLUMNS))
    statement = f"INSERT INTO relabels ({', '.join(_COLUMNS)}) VALUES ({places})"  # noqa: S608
    connection.execute(statement, values)
    chain.append(connection, cell[0], chain.RELABEL, {"relabel": row["id"]}, [("relabels", row)])


def _name(connection: sqlite3.Connection, cell: tuple[int, int, int]) -> str:
    found = connection.execute(
        "SELECT coalesce(relabelled, label) FROM cells WHERE (session, field, number) = (?, ?, ?)", cell
    ).fetchone()
    if found is None:
        msg = f"there is no cell {cell}"
        raise ValueError(msg)
    return str(found[0])


def _set(connection: sqlite3.Connection, cell: tuple[int, int, int], relabelled: str | None) -> None:
    connection.execute(
        "UPDATE cells SET relabelled = ? WHERE (session, field, number) = (?, ?, ?)", (relabelled, *cell)
    )
