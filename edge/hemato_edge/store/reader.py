"""Reads what is recorded, also while a writer runs. Never writes."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.store import series, walks
from hemato_edge.store.chain import DESCRIBED, last_entry
from hemato_edge.store.file import connect
from hemato_edge.store.file.errors import translated
from hemato_edge.store.file.lock import writer_lives
from hemato_edge.store.file.migration import view_as_current
from hemato_edge.store.records import (
    INTERRUPTED,
    RUNNING,
    Approval,
    CellRecord,
    FieldRecord,
    PortraitRecord,
    Relabel,
    SessionRecord,
    Totals,
)
from hemato_edge.store.rows import (
    cell_record,
    described_count,
    description,
    field_record,
    place_record,
    portrait_record,
    relabel_record,
    session_record,
)
from hemato_edge.store.write.approvals import approval
from hemato_edge.store.write.deletions import deletions
from hemato_edge.store.write.merges import COUNTS
from hemato_edge.store.write.totals import RunningTotals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from hemato_edge.store.records import Deletion, Footprint, Place

__all__ = ["CellRecord", "FieldRecord", "Reader", "SessionRecord", "Totals"]

_SESSION = "SELECT * FROM sessions WHERE id = coalesce(?, (SELECT max(id) FROM sessions))"
_DESCRIBED = "SELECT said FROM events WHERE session = ? AND event = ? ORDER BY entry"
_FIELDS = (
    "SELECT f.*, (SELECT count(*) FROM cells c WHERE c.session = f.session AND c.field = f.number) AS new_cells"
    " FROM fields f WHERE f.session = ? ORDER BY f.number"
)
_WITH_FIELD = (
    "SELECT c.*, f.source, f.region, j.kept_field, j.kept_cell FROM cells c"
    " JOIN fields f ON f.session = c.session AND f.number = c.field"
    " LEFT JOIN joined j ON j.session = c.session AND j.field = c.field AND j.cell = c.number"
    " WHERE c.session = ?"
)
_CELLS = f"{_WITH_FIELD} ORDER BY c.field, c.number"
_DOUBTFUL = (
    f"{_WITH_FIELD} AND c.relabelled IS NULL AND j.cell IS NULL ORDER BY c.confidence, c.field, c.number LIMIT ?"
)
_NEWEST = f"{_WITH_FIELD} AND j.cell IS NULL ORDER BY c.field DESC, c.number DESC LIMIT ?"
_WITH_PICTURE = "EXISTS (SELECT 1 FROM portraits p WHERE (p.session, p.field, p.cell) = (c.session, c.field, c.number))"
_PICTURED = (
    f"{_WITH_FIELD} AND j.cell IS NULL AND coalesce(c.relabelled, c.label) = ? AND {_WITH_PICTURE}"
    " ORDER BY c.confidence, c.field, c.number LIMIT ?"
)

_COUNTED_WHERE = (
    "FROM cells c JOIN fields f ON f.session = c.session AND f.number = c.field"
    " LEFT JOIN joined j ON j.session = c.session AND j.field = c.field AND j.cell = c.number"
    " WHERE c.session = ? AND j.cell IS NULL"
)
_PER_REGION = f"SELECT f.region, count(*) {_COUNTED_WHERE} GROUP BY f.region"
_PLACES = (  # from its fields to their cells, so that a small region of a large session is read quickly
    "SELECT c.x_px, c.y_px, coalesce(c.relabelled, c.label)"
    " FROM fields f CROSS JOIN cells c ON c.session = f.session AND c.field = f.number"
    " LEFT JOIN joined j ON j.session = c.session AND j.field = c.field AND j.cell = c.number"
    " WHERE f.session = ? AND j.cell IS NULL AND f.region = ? ORDER BY f.number, c.number"
)


_DESCRIBED_CELLS = (
    "SELECT coalesce(c.relabelled, c.label), a.key, json_extract(a.value, '$[0]'), count(*)"
    " FROM fields f JOIN cells c ON c.session = f.session AND c.field = f.number"
    " LEFT JOIN joined j ON j.session = c.session AND j.field = c.field AND j.cell = c.number"
    " JOIN json_each(c.attributes) a WHERE c.session = ? AND j.cell IS NULL GROUP BY 1, 2, 3"
)


class Reader:
    """Reads one database. A context manager.

    Raises:
        StoreError: there is no such database, it is damaged, not one of ours, or from a newer version.
            Every method raises it, too, when the file cannot be read any more.
    """

    def __init__(self, path: Path) -> None:
        connect.check_place(Path(path).absolute())
        self.path = Path(path).resolve()
        if not self.path.exists():
            raise StoreError(
                f"There is no database {self.path}.",
                "Record a session with `hemato-edge run`, or name the file with --db.",
            )
        with translated(self.path):
            self._connection = connect.open_to_read(self.path)
            self._connection.row_factory = sqlite3.Row
            try:
                connect.identify(self._connection, self.path)
                connect.refuse_lacking(self._connection, self.path)
                view_as_current(self._connection)
            except BaseException:  # whatever it was: tidied up, and raised again
                self._connection.close()
                raise

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def sessions(self) -> list[SessionRecord]:
        """All sessions, the oldest first."""
        with translated(self.path):
            return [self._session(row) for row in self._connection.execute("SELECT * FROM sessions ORDER BY id")]

    def sessions_since(self, first: int) -> list[SessionRecord]:
        """The sessions from number `first` on, the oldest first."""
        with translated(self.path):
            rows = self._connection.execute("SELECT * FROM sessions WHERE id >= ? ORDER BY id", (first,))
            return [self._session(row) for row in rows]

    def relabelled_since(self, relabel: int) -> list[tuple[int, int]]:
        """The sessions with changes of labels after the change `relabel`: number and newest change, in its order."""
        with translated(self.path):
            rows = self._connection.execute(
                "SELECT session, max(id) AS newest FROM relabels WHERE id > ? GROUP BY session ORDER BY newest",
                (relabel,),
            )
            return [(row["session"], row["newest"]) for row in rows]

    def session(self, number: int | None = None) -> SessionRecord:
        """One session; the last one for None.

        Raises:
            StoreError: there is none, or none with that number.
        """
        with translated(self.path):
            row = self._connection.execute(_SESSION, (number,)).fetchone()
            if row is not None:
                return self._session(row)
            deleted = [one for one in deletions(self._connection) if one.session == number]
        if deleted:
            raise StoreError(f"In {self.path} {deleted[0]}.", "A backup may still hold it.")
        if number is None:
            raise StoreError(f"No session is recorded in {self.path}.", "Record one with `hemato-edge run`.")
        raise StoreError(
            f"There is no session {number} in {self.path}.", "`hemato-edge sessions` lists what is recorded."
        )

    def data_version(self) -> int:
        """A number that changes with every commit of another connection; it costs microseconds."""
        with translated(self.path):
            version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def totals(self, session: int) -> Totals:
        """The counts of a session, of one moment."""
        with self._snapshot():
            return RunningTotals.read(self._connection, session).checked().totals(session)

    def tallies(self, session: int) -> dict[str, int]:
        """All tallies of a session by name, as the writer was given them."""
        with translated(self.path):
            return dict(
                map(tuple, self._connection.execute("SELECT name, count FROM tallies WHERE session = ?", (session,)))
            )

    def regions(self, session: int) -> int:
        """How many stretches of unbroken tracking the session has; 0 if its fields are files of their own."""
        with translated(self.path):
            found: int = self._connection.execute(
                "SELECT count(DISTINCT region) FROM fields WHERE session = ?", (session,)
            ).fetchone()[0]
        return found

    def fields(self, session: int) -> Iterator[FieldRecord]:
        """The fields of a session in the order of recording, one at a time."""
        with translated(self.path):
            for row in self._connection.execute(_FIELDS, (session,)):
                yield field_record(row)

    def cells(self, session: int) -> Iterator[CellRecord]:
        """The judged cells of a session in the order of recording, one at a time; those that count no more, too.

        A cell that was found to be another one has `joined`.
        """
        labels = self.session(session).classifier_labels
        with translated(self.path):
            for row in self._connection.execute(_CELLS, (session,)):
                yield cell_record(row, labels)

    def counted(self, session: int) -> Iterator[CellRecord]:
        """The judged cells of a session that count, each once."""
        return (cell for cell in self.cells(session) if cell.joined is None)

    def newest(self, session: int, most: int) -> list[CellRecord]:
        """The cells that count, the last recorded first."""
        labels = self.session(session).classifier_labels
        with translated(self.path):
            return [cell_record(row, labels) for row in self._connection.execute(_NEWEST, (session, most))]

    def cells_per_region(self, session: int) -> dict[int, int]:
        """Region → cells that count there; none where the fields are files of their own."""
        with translated(self.path):
            return {row[0]: row[1] for row in self._connection.execute(_PER_REGION, (session,)) if row[0] is not None}

    def labels_per_region(self, session: int) -> dict[int, dict[str, int]]:
        """Region → label → cells that count, the most frequent first."""
        with translated(self.path):
            return walks.labels_per_region(self._connection, session)

    def footprints(self, session: int) -> Iterator[Footprint]:
        """What the fields of a session cover, in the order of recording, one at a time; none of files of their own."""
        with translated(self.path):
            yield from walks.footprints(self._connection, session)

    def places(self, session: int, region: int, every: int = 1) -> Iterator[Place]:
        """The cells that count in one region, in the order of recording: the first, and each `every`-th after it."""
        with translated(self.path):
            for number, row in enumerate(self._connection.execute(_PLACES, (session, region))):
                if number % every == 0:
                    yield place_record(row)

    def answers(self, session: int) -> dict[str, int]:
        """Label → cells that count and that the machine named so, whatever a person said later."""
        with translated(self.path):
            return series.answers(self._connection, session)

    def median_focus(self, session: int) -> float | None:
        """The median focus of a session's fields; None where none was measured."""
        with translated(self.path):
            return series.median_focus(self._connection, session)

    def control_lots(self) -> dict[int, str]:
        """Number of a session → lot of the control slide that it was recorded from, the oldest first."""
        with translated(self.path):
            return series.control_lots(self._connection)

    def last_link(self, session: int) -> str | None:
        """The last link of a session's chain, hexadecimal; None in a database of an older version."""
        with translated(self.path):
            entry, link = last_entry(self._connection, session)
        return None if entry < 0 else link.hex()

    def doubtful(self, session: int, limit: int) -> list[CellRecord]:
        """The cells of a session that no person has named, the least certain first, at most `limit`."""
        labels = self.session(session).classifier_labels
        with translated(self.path):
            return [cell_record(row, labels) for row in self._connection.execute(_DOUBTFUL, (session, limit))]

    def pictured(self, session: int, name: str, limit: int) -> list[CellRecord]:
        """The cells that count as `name` and have a picture, the least certain first, at most `limit`."""
        labels = self.session(session).classifier_labels
        with translated(self.path):
            rows = self._connection.execute(_PICTURED, (session, name, limit))
            return [cell_record(row, labels) for row in rows]

    def attributes(self, session: int) -> dict[str, dict[str, dict[str, int]]]:
        """Name of a class → attribute → value → cells that count as it and of which the model was sure of that value.

        The commonest values come first; empty where the session's model answered no attributes.
        """
        found: dict[str, dict[str, dict[str, int]]] = {}
        with translated(self.path):
            rows = [described_count(row) for row in self._connection.execute(_DESCRIBED_CELLS, (session,))]
        for name, attribute, value, count in sorted(rows, key=lambda row: (row[0], row[1], -row[3])):
            found.setdefault(name, {}).setdefault(attribute, {})[value] = count
        return found

    def portrait(self, session: int, field: int, cell: int) -> PortraitRecord | None:
        """The picture of a cell, if one is kept."""
        with translated(self.path):
            row = self._connection.execute(
                "SELECT * FROM portraits WHERE (session, field, cell) = (?, ?, ?)", (session, field, cell)
            ).fetchone()
            return None if row is None else portrait_record(row)

    def changed(self, session: int) -> int:
        """How many cells of a session count as something else than the machine said."""
        with translated(self.path):
            found: int = self._connection.execute(
                f"SELECT count(*) FROM cells WHERE session = ? AND relabelled <> label AND {COUNTS}",  # noqa: S608
                (session,),
            ).fetchone()[0]
        return found

    def relabels(self, session: int) -> list[Relabel]:
        """All that people changed in a session, in order, undone changes and their undoing included."""
        with translated(self.path):
            rows = self._connection.execute("SELECT * FROM relabels WHERE session = ? ORDER BY id", (session,))
            return [relabel_record(row) for row in rows]

    def approval(self, session: int) -> Approval | None:
        """The last approval of a session; None where nobody has approved it."""
        with translated(self.path):
            return approval(self._connection, session)

    def deletions(self) -> list[Deletion]:
        """The traces of the sessions that were deleted, by their numbers."""
        with translated(self.path):
            return deletions(self._connection)

    def _session(self, row: sqlite3.Row) -> SessionRecord:
        record = session_record(row)
        said = self._described(row["id"])
        record = replace(
            record,
            label=said.get("label", record.label),
            comment=said.get("comment", ""),
            control=said.get("control", record.control),
        )
        if record.state == RUNNING and not writer_lives(self.path):
            return replace(record, state=INTERRUPTED)  # its process is gone; the next writer records that
        return record

    def _described(self, session: int) -> dict[str, str]:
        """The name, comment and lot of control that a person gave a session last, as far as somebody did."""
        found: dict[str, str] = {}
        for row in self._connection.execute(_DESCRIBED, (session, DESCRIBED)):
            found |= description(row)
        return found

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """Several statements that see the same moment."""
        with translated(self.path):
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")
