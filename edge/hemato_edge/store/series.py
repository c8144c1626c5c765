"""What a series of sessions is compared by: the machine's own answers, the focus, and which are of a control slide."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from hemato_edge.store import stored_values as stored
from hemato_edge.store.chain import DESCRIBED
from hemato_edge.store.recorded_settings import CONTROL, LOT
from hemato_edge.store.rows import damage_of_a_row
from hemato_edge.store.write.merges import COUNTS

if TYPE_CHECKING:
    import sqlite3

_ANSWERS = f"SELECT label, count(*) FROM cells WHERE session = ? AND {COUNTS} GROUP BY label"  # noqa: S608
_FOCUS = "SELECT json_extract(quality, '$.focus') FROM fields WHERE session = ?"
_BEGUN = f"SELECT id, json_extract(settings, '$.{CONTROL}.{LOT}') FROM sessions ORDER BY id"  # noqa: S608 - names of ours
_MARKED = (
    f"SELECT session, json_extract(said, '$.{CONTROL}') FROM events"  # noqa: S608
    f" WHERE event = ? AND json_extract(said, '$.{CONTROL}') IS NOT NULL ORDER BY session, entry"
)


@damage_of_a_row
def answers(connection: sqlite3.Connection, session: int) -> dict[str, int]:
    """Label → cells that count and that the machine named so, whatever a person said later."""
    return stored.counts_by_class(dict(map(tuple, connection.execute(_ANSWERS, (session,)))))


@damage_of_a_row
def median_focus(connection: sqlite3.Connection, session: int) -> float | None:
    """The median focus of a session's fields; None where none was measured."""
    found = [stored.finite(float(row[0])) for row in connection.execute(_FOCUS, (session,)) if row[0] is not None]
    return median(value for value in found if value is not None) if found else None


@damage_of_a_row
def control_lots(connection: sqlite3.Connection) -> dict[int, str]:
    """Number of a session → lot of the control slide that it was recorded from, the oldest first."""
    found = {row[0]: row[1] for row in connection.execute(_BEGUN)}
    found |= {row[0]: row[1] for row in connection.execute(_MARKED, (DESCRIBED,))}
    return {session: lot for session, lot in found.items() if isinstance(lot, str) and lot}
