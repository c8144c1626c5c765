"""Two recorded cells that were found to be one, such as when tracking finds back to a known place: only one counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.store import chain
from hemato_edge.store.rows import iso

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from hemato_edge.store.records import Join

COUNTS = (
    "NOT EXISTS (SELECT 1 FROM joined j"
    " WHERE (j.session, j.field, j.cell) = (cells.session, cells.field, cells.number))"
)
"""SQL: whether a row of `cells` counts."""
_KEPT = "SELECT kept_field, kept_cell FROM joined WHERE (session, field, cell) = (?, ?, ?)"


def join(connection: sqlite3.Connection, session: int, found: Join, utc: datetime) -> bool:
    """Enters that two cells are one, inside the caller's transaction.

    Where one of them was joined before, the cell that was kept then stands for it, so a chain of findings leaves one.

    Returns:
        Whether that was new: the two were not known to be one.

    Raises:
        ValueError: no such cell, or a time without zone.
    """
    cell, kept = (_standing(connection, session, place) for place in (found.cell, found.kept))
    if cell == kept:
        return False
    row = {
        **{"session": session, "field": cell[0], "cell": cell[1]},
        **{"kept_field": kept[0], "kept_cell": kept[1], "utc": iso(utc)},
    }
    connection.execute(
        "INSERT INTO joined (session, field, cell, kept_field, kept_cell, utc)"
        " VALUES (:session, :field, :cell, :kept_field, :kept_cell, :utc)",
        row,
    )
    chain.append(connection, session, chain.JOINED, {"joined": cell}, [("joined", row)])
    return True


def _standing(connection: sqlite3.Connection, session: int, place: tuple[int, int]) -> tuple[int, int]:
    """The cell that counts for the one at `place`."""
    known = connection.execute(
        "SELECT 1 FROM cells WHERE (session, field, number) = (?, ?, ?)", (session, *place)
    ).fetchone()
    if known is None:
        msg = f"there is no cell {place} in session {session}"
        raise ValueError(msg)
    while (kept := connection.execute(_KEPT, (session, *place)).fetchone()) is not None:
        place = (kept[0], kept[1])
    return place
