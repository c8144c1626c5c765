"""The approval of a session by a person: an entry of its chain, which a later change of a label overtakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.escaped import as_utf8
from hemato_edge.store import chain
from hemato_edge.store.records import RUNNING, Approval
from hemato_edge.store.rows import approval_record, iso

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

_LAST = "SELECT said FROM events WHERE session = ? AND event = ? ORDER BY entry DESC LIMIT 1"
_NEWEST_CHANGE = "SELECT coalesce(max(id), 0) FROM relabels WHERE session = ?"


def approve(connection: sqlite3.Connection, session: int, who: str, utc: datetime) -> None:
    """Enter that `who` approves a session as it stands now, inside the caller's transaction.

    Raises:
        ValueError: nobody, no such session, or one that still runs.
    """
    row = connection.execute("SELECT state FROM sessions WHERE id = ?", (session,)).fetchone()
    if not who.strip() or row is None or row[0] == RUNNING:
        msg = f"{who!r} cannot approve session {session}"
        raise ValueError(msg)
    (newest,) = connection.execute(_NEWEST_CHANGE, (session,)).fetchone()
    said = {"who": as_utf8(who), "utc": iso(utc), "newest_change": newest}
    chain.append(connection, session, chain.APPROVED, said)


def approval(connection: sqlite3.Connection, session: int) -> Approval | None:
    """The last approval of a session; None where nobody has approved it."""
    row = connection.execute(_LAST, (session, chain.APPROVED)).fetchone()
    if row is None:
        return None
    (newest,) = connection.execute(_NEWEST_CHANGE, (session,)).fetchone()
    return approval_record(row, newest)
