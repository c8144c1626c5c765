"""The one writer of a database. What it returns is on disk."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.escaped import as_utf8
from hemato_edge.store import chain, heads
from hemato_edge.store.file import connect, reserve
from hemato_edge.store.file.errors import translated
from hemato_edge.store.file.identity import FileIdentity
from hemato_edge.store.file.location import is_default
from hemato_edge.store.file.lock import WriterLock, lock_path
from hemato_edge.store.file.migration import migrate
from hemato_edge.store.file.privacy import FOLDER_MODE, GROUP_FOLDER_MODE, make_private
from hemato_edge.store.file.space import check_reserve, check_space
from hemato_edge.store.records import FINISHED, INTERRUPTED, RUNNING, NewField, SessionStart, Totals
from hemato_edge.store.recovery.restore import finish_cut_off
from hemato_edge.store.rows import canonical_json, iso
from hemato_edge.store.seal import key_of
from hemato_edge.store.write import approvals, deletions, endings, merges, relabels, statements
from hemato_edge.store.write.allowance import Allowance
from hemato_edge.store.write.portraits import PortraitKeeper
from hemato_edge.store.write.pruning import Pruning
from hemato_edge.store.write.totals import RunningTotals
from hemato_edge.store.write.transactions import Transactions

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from hemato_edge.store.records import Join, Relabel
    from hemato_edge.store.seal import SealKey
    from hemato_edge.store.write.pruning import Pruned
    from hemato_edge.store.write.retention import Retention
    from hemato_edge.values import FieldResult

__all__ = ["SessionStart", "Totals", "Writer", "open_writer"]
PATIENCE_S = 600.0
"""How long a running count waits for another program's lock, seconds; meanwhile frames are dropped, and counted."""


def open_writer(
    path: Path,
    min_free_mb: int = 0,
    portraits_min_free_mb: int = 0,
    reserve_mb: int = 0,
    retention: Retention | None = None,
    *,
    patience_s: float = 0.0,
    group_readable: bool = False,
    key: SealKey | None = None,
    passing: bool = False,
    to_prune: bool = False,
) -> Writer:
    """Opens the database for writing and creates it where there is none.

    The folder must be there, except that of the default place, which is made. An existing file is
    checked before anything is written to it; a bad one is left as it is. Sessions that a killed
    process left running become "interrupted". A repair that was cut off is finished first.

    Args:
        path: the database file.
        min_free_mb: least free space on its disk to start with, megabytes (10^6 bytes).
        portraits_min_free_mb: with less free space than that, pictures of cells are no longer kept; counts are.
        reserve_mb: with less free space than that, fields are refused, too; the end of a session still finds room.
        retention: which pictures are removed in time; None: none.
        patience_s: how much longer than SQLite's own time-out to wait for another program's lock, seconds.
        group_readable: the file's group may read it, too; otherwise only its owner may.
        key: seals every entry of the chain, see `seal`; None: entries have no seal.
        passing: the file is soon removed, as a benchmark's: heads of its chains are not noted outside.
        to_prune: pictures are to be removed: on a full disk the room that is reserved for it is released.

    Raises:
        StoreError: wrong path, no permission, not a database of ours, a newer version, damaged, in use
            by another process, or the disk is full.
    """
    path = Path(path)
    if is_default(path):
        with translated(path):
            mode = GROUP_FOLDER_MODE if group_readable else FOLDER_MODE
            path.parent.mkdir(mode=mode, parents=True, exist_ok=True)
    with translated(path):
        path = path.resolve()  # two names of one file share one lock
    connect.check_place(path)
    check_space(path, min_free_mb)
    lock = WriterLock(path)
    try:
        if to_prune:
            reserve.release_where_full(path)
        _make_ready(path, reserve_mb, group_readable=group_readable)
        with translated(path):
            connect.inspect(path)
            connection = connect.connect(path, "rw", key=key)
        return Writer(
            path, connection, lock, portraits_min_free_mb, reserve_mb, retention, patience_s=patience_s, passing=passing
        )
    except BaseException:  # whatever it was: tidied up, and raised again
        lock.release()
        raise


def _make_ready(path: Path, reserve_mb: int, *, group_readable: bool) -> None:
    """Finish a repair or restoration that was cut off, make what is not there, and set who may read it."""
    finish_cut_off(path)
    if not path.exists():
        heads.note_beginning(path)
        connect.create(path)
    if reserve_mb:
        reserve.hold(path, reserve_mb)
    for ours in (path, connect.log_path(path), lock_path(path)):
        make_private(ours, group=group_readable)


class Writer:
    """Writes sessions, one transaction a field. Made by `open_writer`; a context manager.

    Methods may be called from any thread, one after another. Each raises `StoreError` when the disk
    is full, gone or read-only: the transaction is then undone, and the totals are those on disk. It is
    raised as well when the file is no longer the one at its path; what it held is then saved beside it.

    Attributes:
        path: of the database.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        lock: WriterLock,
        portraits_min_free_mb: int = 0,
        reserve_mb: int = 0,
        retention: Retention | None = None,
        *,
        patience_s: float = 0.0,
        passing: bool = False,
    ) -> None:
        self.path = path
        self._passing = passing
        self._transactions = Transactions(connection, path, patience_s)
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
        with translated(self.path):
            connect.use_log(self._connection, self.path)
            migrate(self._connection, self.path)
        with translated(self.path), self._transactions.immediate():
            statements.interrupt_running(self._connection, endings.noted(self.path))
        endings.forget(self.path)
        with translated(self.path):
            self._identity = FileIdentity(self.path)
        self._transactions.identity = self._identity

    @property
    def blocked(self) -> bool:
        """Whether another program holds the database's lock at the moment, and a transaction waits for it."""
        return self._transactions.blocked

    def hurry(self) -> None:
        """The run is to end: wait no longer for another program's lock. Safe in a signal handler."""
        self._transactions.hurry()

    def start_session(self, start: SessionStart) -> int:
        """Begins a session and returns its number.

        Raises:
            ValueError: `start.utc` has no time zone.
        """
        with self._turn:
            check_reserve(self.path, self._reserve_mb)
            with self._transaction():
                session = statements.insert_session(self._connection, start)
            self._running[session] = RunningTotals()
            with translated(self.path):
                # into the main file, so that a database that is copied over this one can be told from it
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                self._identity.watch_session(session, chain.last_entry(self._connection, session)[1])
            return session

    def commit_field(
        self, session: int, result: FieldResult, tallies: Mapping[str, int], found: Sequence[Join] = ()
    ) -> Totals:
        """Records one field: `commit_fields` with that alone."""
        return self.commit_fields(session, [NewField(result, tuple(found))], tallies)

    def commit_fields(self, session: int, fields: Sequence[NewField], tallies: Mapping[str, int]) -> Totals:
        """Records fields with their cells, in order, and the tallies, all in one transaction.

        Args:
            session: a running one.
            fields: what each field added, and which recorded cells were found to be one and the same.
            tallies: name → absolute count since the session began: "frames", "dropped", "tracking_lost",
                "rejected:REASON", "skipped:REASON". Other names are kept, and not shown in `Totals`.

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
                for i, one in enumerate(fields):
                    number, last = running.fields + i, i == len(fields) - 1
                    statements.insert_field(self._connection, session, number, one.result, changed if last else {})
                    for pair in one.joins:
                        merges.join(self._connection, session, pair, one.result.utc)
                    self._portraits.write(session, number, one.result)
            self._portraits.committed()
            if any(one.joins for one in fields):
                del self._running[session]
                return self._running_totals(session).totals(session)
            for one in fields:
                running.add(one.result)
            running.tallies.update(changed)
            return running.totals(session)

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
        ended = {"state": state, "ended_utc": iso(utc), "ended_because": because}
        with self._turn:
            try:
                running = self._running_totals(session)
                with self._transaction(session):
                    statements.set_state(self._connection, session, chain.END, **ended)
                    entry, link = chain.last_entry(self._connection, session)
            except StoreError:
                endings.note(self.path, session, ended)
                raise
            self._running.pop(session, None)
            if not self._passing:
                key = key_of(self._connection)
                heads.note(heads.Head(str(self.path), session, entry, link.hex(), key.name if key else ""))
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

    def approve(self, session: int, who: str, utc: datetime) -> None:
        """Records that a person approves a session as it stands now. See `approvals.approve`."""
        with self._turn, self._transaction(session):
            approvals.approve(self._connection, session, who, utc)

    def describe(self, session: int, who: str, utc: datetime, said: Mapping[str, str]) -> None:
        """Enters a new `label`, `comment` or `control` lot of a session into its chain; what is not said stays."""
        given = {name: as_utf8(text) for name, text in said.items()}
        with self._turn, self._transaction(session):
            chain.append(self._connection, session, chain.DESCRIBED, {**given, "who": as_utf8(who), "utc": iso(utc)})

    def delete_session(self, session: int, who: str, why: str, utc: datetime) -> None:
        """Deletes a session with its pictures; a trace of it stays, see `deletions.delete`."""
        with self._pruning() as pruning, deletions.written_over(self._connection):
            with self._transaction(session):
                deletions.delete(self._connection, session, who, why, utc)
                trace = deletions.deletions(self._connection)
            pruning.empty_log()
            pruning.give_back()
        if not self._passing:
            link, entry = next((one.link, one.entry) for one in trace if one.session == session)
            key = key_of(self._connection)
            heads.note(heads.Head(str(self.path), session, entry, link.hex(), key.name if key else ""))

    def prune_portraits(self, session: int) -> Pruned:
        """Removes the pictures of a session's cells. Counts and labels stay."""
        with self._pruning() as pruning:
            return pruning.of_session(session)

    def prune_by(self, retention: Retention) -> Pruned:
        """Removes the pictures, of all sessions, that `retention` does not keep; by age at most a tenth a day."""
        with self._pruning() as pruning:
            return pruning.by(retention, self._portraits.allowance or Allowance(self.path))

    @contextmanager
    def _pruning(self) -> Iterator[Pruning]:
        with self._turn, translated(self.path):
            try:
                yield Pruning(self._connection, self._transaction, self._identity.resized)
            finally:
                self._portraits.renew()

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
        """All of the block or nothing; after a failure the session's totals are read anew when next needed."""
        try:
            with self._transactions.of_same_file(lambda: self._known_counts(session)):
                yield
        except BaseException:  # whatever it was: tidied up, and raised again
            if session is not None:
                self._running.pop(session, None)
            raise

    def _known_counts(self, session: int | None) -> dict[str, object]:
        known = None if session is None else self._running.get(session)
        return {"session": session, "counts": None if known is None else asdict(known)}
