"""The one writer of a database. What it returns is on disk."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.store import chain
from hemato_edge.store.file import connect
from hemato_edge.store.file.errors import translated
from hemato_edge.store.file.location import default_database
from hemato_edge.store.file.lock import WriterLock
from hemato_edge.store.file.migration import migrate
from hemato_edge.store.file.space import check_reserve, check_space
from hemato_edge.store.records import FINISHED, INTERRUPTED, RUNNING, SessionStart, Totals
from hemato_edge.store.rows import canonical_json, iso
from hemato_edge.store.write import merges, relabels, statements
from hemato_edge.store.write.portraits import PortraitKeeper
from hemato_edge.store.write.retention import PRUNE_STEP, Shelf
from hemato_edge.store.write.totals import RunningTotals

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from hemato_edge.store.records import Join, Relabel
    from hemato_edge.store.write.retention import Retention
    from hemato_edge.values import FieldResult

__all__ = ["SessionStart", "Totals", "Writer", "open_writer"]


def open_writer(
    path: Path,
    min_free_mb: int = 0,
    portraits_min_free_mb: int = 0,
    reserve_mb: int = 0,
    retention: Retention | None = None,
) -> Writer:
    """Opens the database for writing and creates it where there is none.

    The folder must be there, except that of the default place, which is made. An existing file is
    checked before anything is written to it; a bad one is left as it is. Sessions that a killed
    process left running become "interrupted".

    Args:
        path: the database file.
        min_free_mb: least free space on its disk to start with, megabytes (10^6 bytes).
        portraits_min_free_mb: with less free space than that, pictures of cells are no longer kept; counts are.
        reserve_mb: with less free space than that, fields are refused, too; the end of a session still finds room.
        retention: which pictures are removed in time; None: none.

    Raises:
        StoreError: wrong path, no permission, not a database of ours, a newer version, damaged, in use
            by another process, or the disk is full.
    """
    path = Path(path)
    if path == default_database():
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
    with translated(path):
        path = path.resolve()  # two names of one file share one lock
    connect.check_place(path)
    check_space(path, min_free_mb)
    lock = WriterLock(path)
    try:
        if not path.exists():
            connect.create(path)
        with translated(path):
            connect.inspect(path)
            return Writer(path, connect.connect(path, "rw"), lock, portraits_min_free_mb, reserve_mb, retention)
    except BaseException:  # whatever it was: tidied up, and raised again
        lock.release()
        raise


class Writer:
    """Writes sessions, one transaction a field. Made by `open_writer`; a context manager.

    Methods may be called from any thread, one after another. Each raises `StoreError` when the disk
    is full, gone or read-only: the transaction is then undone, and the totals are those on disk.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        lock: WriterLock,
        portraits_min_free_mb: int = 0,
        reserve_mb: int = 0,
        retention: Retention | None = None,
    ) -> None:
        self.path = path
        self._reserve_mb = reserve_mb
        self._connection = connection
        self._lock = lock
        self._turn = threading.Lock()
        self._running: dict[int, RunningTotals] = {}
        try:
            self._begin_writing()
            with translated(path):
                self._portraits = PortraitKeeper(connection, path, portraits_min_free_mb, retention)
        except BaseException:  # whatever it was: tidied up, and raised again
            connection.close()
            raise

    def _begin_writing(self) -> None:
        connect.use_log(self._connection, self.path)
        migrate(self._connection, self.path)
        with self._transaction():
            statements.interrupt_running(self._connection)

    def start_session(self, start: SessionStart) -> int:
        """Begins a session and returns its number.

        Raises:
            ValueError: `start.utc` has no time zone.
        """
        with self._turn:
            check_reserve(self.path, self._reserve_mb)
            with self._transaction():
                session = statements.insert_session(self._connection, start)
            if session is None:  # pragma: no cover - an INSERT that succeeded always has a row id
                raise StoreError(f"The database {self.path} gave no session number.", "Run `hemato-edge doctor`.")
            self._running[session] = RunningTotals()
            return session

    def commit_field(
        self, session: int, result: FieldResult, tallies: Mapping[str, int], found: Sequence[Join] = ()
    ) -> Totals:
        """Records one field with its cells, and the tallies, in one transaction.

        Args:
            session: a running one.
            result: what the field added.
            tallies: name → absolute count since the session began: "frames", "dropped", "tracking_lost",
                "rejected:REASON", "skipped:REASON". Other names are kept, and not shown in `Totals`.
            found: recorded cells, this field's included, that were found to be one and the same.

        Returns:
            What is on disk now.

        Raises:
            ValueError: no such running session, or no such cell.
        """
        with self._turn:
            running = self._running_totals(session)
            changed = running.changed(tallies)
            check_reserve(self.path, self._reserve_mb)
            with self._transaction(session):
                statements.insert_field(self._connection, session, running.fields, result, changed)
                for pair in found:
                    merges.join(self._connection, session, pair, result.utc)
                self._portraits.write(session, running.fields, result)
            self._portraits.committed()
            if found:
                del self._running[session]
                return self._running_totals(session).totals(session)
            running.add(result)
            running.tallies.update(changed)
            return running.totals(session)

    def record_joined(self, session: int, found: Sequence[Join], utc: datetime) -> Totals:
        """Records that cells of a running session are one and the same, while no field comes; see `merges.join`.

        Raises:
            ValueError: no such running session, no such cell, or a time without zone.
        """
        with self._turn:
            self._running_totals(session)
            with self._transaction(session):
                for pair in found:
                    merges.join(self._connection, session, pair, utc)
            self._running.pop(session, None)
            return self._running_totals(session).totals(session)

    def commit_tallies(self, session: int, tallies: Mapping[str, int]) -> Totals:
        """Records the tallies alone (absolute counts): frames were rejected or dropped, but no field came.

        Raises:
            ValueError: no such running session.
        """
        with self._turn:
            running = self._running_totals(session)
            changed = running.changed(tallies)
            if changed:
                with self._transaction(session):
                    statements.insert_tallies(self._connection, session, changed)
                running.tallies.update(changed)
            return running.totals(session)

    def record_optics(self, session: int, red_cell_px: float | None, stain: Mapping[str, object] | None) -> None:
        """Records the estimated red-cell diameter (pixels) and stain of a session; the last call stands.

        Raises:
            ValueError: no such running session.
        """
        size = None if red_cell_px is None else float(red_cell_px)
        with self._turn:
            self._running_totals(session)
            with self._transaction(session):
                statements.set_state(
                    self._connection,
                    session,
                    chain.OPTICS,
                    red_cell_px=size,
                    stain=None if stain is None else canonical_json(stain),
                )

    def end_session(self, session: int, state: str, utc: datetime, because: str | None = None) -> Totals:
        """Ends a session as `records.FINISHED` or `records.INTERRUPTED`; `because` says why, in words.

        Raises:
            ValueError: no such running session, another state, or a time without zone.
        """
        if state not in (FINISHED, INTERRUPTED):
            msg = f"a session ends as {FINISHED!r} or {INTERRUPTED!r}, not as {state!r}"
            raise ValueError(msg)
        with self._turn:
            running = self._running_totals(session)
            with self._transaction(session):
                statements.set_state(
                    self._connection, session, chain.END, state=state, ended_utc=iso(utc), ended_because=because
                )
            del self._running[session]
            return running.totals(session)

    def relabel(self, session: int, field: int, cell: int, label: str, who: str, utc: datetime) -> None:
        """Records that a person calls a cell `label`; the machine's answer is kept. See `relabels.relabel`."""
        with self._turn, self._transaction(session):
            relabels.relabel(self._connection, (session, field, cell), label, who, utc)
            self._running.pop(session, None)

    def undo(self, session: int, who: str, utc: datetime) -> Relabel | None:
        """Takes the session's last change of a label back and returns that change; None if there is none."""
        with self._turn, self._transaction(session):
            self._running.pop(session, None)
            return relabels.undo(self._connection, session, who, utc)

    def prune_portraits(self, session: int) -> int:
        """Removes the pictures of a session's cells, and says how many. Counts and labels stay."""
        with self._turn, self._transaction(session):
            return self._portraits.forget(session)

    def prune_by(self, retention: Retention) -> int:
        """Removes the pictures, of all sessions, that `retention` does not keep, and says how many."""
        now, gone = datetime.now(timezone.utc), 0
        with self._turn, translated(self.path):
            shelf = Shelf(retention, self._connection)
            while leaving := shelf.surplus(now, most=PRUNE_STEP):
                with self._transaction():
                    self._portraits.remove(leaving)
                shelf.removed(leaving)
                gone += len(leaving)
            self._portraits.renew()
        return gone

    def close(self) -> None:
        """Closes the database and lets others write. A session that still runs stays "running" for now."""
        with self._turn:
            try:
                with translated(self.path):
                    self._connection.close()
            finally:
                self._lock.release()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running_totals(self, session: int) -> RunningTotals:
        if session not in self._running:
            with translated(self.path):
                found = self._connection.execute("SELECT state FROM sessions WHERE id = ?", (session,)).fetchone()
                if found is None or found[0] != RUNNING:
                    msg = f"session {session} is not running"
                    raise ValueError(msg)
                self._running[session] = RunningTotals.read(self._connection, session)
        return self._running[session]

    @contextmanager
    def _transaction(self, session: int | None = None) -> Iterator[None]:
        """All of the block or nothing. After a failure the session's totals are read anew when next needed."""
        with translated(self.path):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            except BaseException:  # whatever it was: tidied up, and raised again
                if session is not None:
                    self._running.pop(session, None)
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
