"""Pictures of cells beside their counts: written with them, left out when room is short, removed in time."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from hemato_edge.store.file.space import has_room
from hemato_edge.store.rows import portrait_row
from hemato_edge.store.write.allowance import Allowance
from hemato_edge.store.write.retention import STEP, Kept, Retention, Shelf
from hemato_edge.store.write.statements import insert

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hemato_edge.values import FieldResult


class PortraitKeeper:
    """Keeps the pictures of a writer's fields.

    Args:
        connection: of the writer.
        path: of the database.
        min_free_mb: with less free space on its disk, pictures are no longer kept, megabytes (10^6 bytes).
        retention: which ones are removed in time; None: none.

    Attributes:
        allowance: how many may go because of their age; None where age is no reason.
    """

    def __init__(
        self, connection: sqlite3.Connection, path: Path, min_free_mb: int, retention: Retention | None
    ) -> None:
        self._connection = connection
        self._path = path
        self._min_free_mb = min_free_mb
        self._shelf = None if retention is None else Shelf(retention, connection)
        self.allowance = Allowance(path) if retention is not None and retention.max_age_days is not None else None
        self._written: tuple[list[Kept], list[Kept]] = ([], [])

    def write(self, session: int, field: int, result: FieldResult) -> None:
        """Writes the pictures of a field and removes what they push out, inside the writer's transaction.

        A picture that cannot be written takes no count with it: all pictures of the field are then left out.
        """
        self._written = ([], [])
        room = has_room(self._path, self._min_free_mb)
        cells = [(i, cell, cell.portrait) for i, cell in enumerate(result.new_cells) if room and cell.portrait]
        leaving: list[Kept] = []
        if self._shelf is not None:
            coming = [(cell.judgement.label, portrait.size) for _, cell, portrait in cells]
            by_age = 0 if self.allowance is None else self.allowance.pictures(len(self._shelf))
            leaving = self._shelf.surplus(result.utc, coming, max(STEP, 2 * len(cells)), by_age)
        if not cells and not leaving:
            return
        self._connection.execute("SAVEPOINT portraits")
        try:
            self.remove(leaving)
            added = []
            for number, cell, portrait in cells:
                row = insert(self._connection, "portraits", portrait_row(session, field, number, portrait)).lastrowid
                added.append(Kept(row or 0, portrait.size, result.utc, cell.judgement.label))
            self._written = (added, leaving)
        except sqlite3.OperationalError:
            if not self._connection.in_transaction:  # a full disk has undone the counts as well: that is an error
                raise
            self._connection.execute("ROLLBACK TO portraits")
        self._connection.execute("RELEASE portraits")

    def committed(self) -> None:
        """The transaction of the last `write` is on disk."""
        if self._shelf is not None:
            added, gone = self._written
            if self.allowance is not None and gone and self._shelf.aged:
                self.allowance.spend(self._shelf.aged, len(self._shelf))
            self._shelf.removed(gone)
            self._shelf.put(added)
        self._written = ([], [])

    def renew(self) -> None:
        """Looks at the table anew, which was changed otherwise."""
        if self._shelf is not None:
            self._shelf = Shelf(self._shelf.retention, self._connection)

    def remove(self, pictures: Iterable[Kept]) -> None:
        """Removes pictures, inside the writer's transaction."""
        self._connection.executemany("DELETE FROM portraits WHERE rowid = ?", [(one.row,) for one in pictures])
