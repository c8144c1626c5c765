"""The one writer of a database. What it returns is on disk."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.store import relabels, schema
from hemato_edge.store.faults import translated
from hemato_edge.store.location import default_database
from hemato_edge.store.lock import WriterLock
from hemato_edge.store.migration import migrate
from hemato_edge.store.records import FINISHED, INTERRUPTED, RUNNING, SessionStart, Totals
from hemato_edge.store.rows import canonical_json, cell_row, field_row, iso, portrait_row
from hemato_edge.store.space import check_space, has_room
from hemato_edge.store.totals import RunningTotals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from types import TracebackType

    from hemato_edge.store.records import Relabel
    from hemato_edge.values import FieldResult

__all__ = ["SessionStart", "Totals", "Writer", "open_writer"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def open_writer(path: Path, min_free_mb: int = 0, portraits_min_free_mb: int = 0) -> Writer:
    """Opens the database for writing and creates it where there is none.

    The folder must be there, except that of the default place, which is made. An existing file is
    checked before anything is written to it; a bad one is left as it is. Sessions that a killed
    process left running become "interrupted".

    Args:
        path: the database file.
        min_free_mb: least free space on its disk to start with, megabytes (10^6 bytes).
        portraits_min_free_mb: with less free space than that, pictures of cells are no longer kept; counts are.

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
    schema.check_place(path)
    check_space(path, min_free_mb)
    lock = WriterLock(path)
    try:
        if not path.exists():
            schema.create(path)
        with translated(path):
            # Read-only first: closing a read-write connection may write, and a bad file stays as it is.
            at_rest = not schema.log_path(path).exists()
            with closing(schema.connect(path, "ro", immutable=at_rest)) as connection:
                schema.identify(connection, path)
                schema.quick_check(connection, path)
            return Writer(path, schema.connect(path, "rw"), lock, portraits_min_free_mb)
    except BaseException:
        lock.release()
        raise


class Writer:
    """Writes sessions, one transaction a field. Made by `open_writer`; a context manager.

    Methods may be called from any thread, one after another. Each raises `StoreError` when the disk
    is full, gone or read-only: the transaction is then undone, and the totals are those on disk.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock: WriterLock, portraits_min_free_mb: int = 0
    ) -> None:
        self.path = path
        self._portraits_min_free_mb = portraits_min_free_mb
        self._connection = connection
        self._lock = lock
        self._turn = threading.Lock()
        self._running: dict[int, RunningTotals] = {}
        try:
            self._begin_writing()
        except BaseException:
            connection.close()
            raise

    def _begin_writing(self) -> None:
        mode = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(
                f"The file system of {self.path} does not support SQLite's write-ahead log.",
                "Use a local disk or SD card, not a network share.",
            )
        migrate(self._connection, self.path)
        with self._transaction():
            self._connection.execute(
                "UPDATE sessions SET state = ?, ended_utc = "
                "(SELECT utc FROM fields WHERE session = sessions.id ORDER BY number DESC LIMIT 1) WHERE state = ?",
                (INTERRUPTED, RUNNING),
            )

    def start_session(self, start: SessionStart) -> int:
        """Begins a session and returns its number.

        Raises:
            ValueError: `start.utc` has no time zone.
        """
        settings = canonical_json(start.settings)
        row = {
            "state": RUNNING,
            "started_utc": iso(start.utc),
            "started_monotonic_s": float(start.monotonic_s),
            "boot_id": _boot_id(),
            "camera": start.camera,
            "label": start.label,
            "target": start.target,
            "model_name": start.model_name,
            "model_sha256": start.model_sha256,
            "classifier_labels": json.dumps(CLASSIFIER_LABELS),
            "settings": settings,
            "settings_sha256": hashlib.sha256(settings.encode()).hexdigest(),
            "versions": canonical_json(start.versions),
            "confusion": None if start.confusion is None else json.dumps(start.confusion),
        }
        with self._turn, self._transaction():
            session = self._insert("sessions", row).lastrowid
        if session is None:  # pragma: no cover - an INSERT that succeeded always has a row id
            raise StoreError(f"The database {self.path} gave no session number.", "Run `hemato-edge doctor`.")
        self._running[session] = RunningTotals()
        return session

    def commit_field(self, session: int, result: FieldResult, tallies: Mapping[str, int]) -> Totals:
        """Records one field with its cells, and the tallies, in one transaction.

        Args:
            session: a running one.
            result: what the field added.
            tallies: name → absolute count since the session began: "frames", "dropped", "tracking_lost",
                "rejected:REASON", "skipped:REASON". Other names are kept, and not shown in `Totals`.

        Returns:
            What is on disk now.

        Raises:
            ValueError: no such running session.
        """
        with self._turn:
            running = self._running_totals(session)
            changed = running.changed(tallies)
            with self._transaction(session):
                self._insert("fields", field_row(session, running.fields, result))
                for number, cell in enumerate(result.new_cells):
                    self._insert("cells", cell_row(session, running.fields, number, cell))
                self._write_tallies(session, changed)
                if has_room(self.path, self._portraits_min_free_mb):
                    self._write_portraits(session, running.fields, result)
            running.add(result)
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
                    self._write_tallies(session, changed)
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
                self._connection.execute(
                    "UPDATE sessions SET red_cell_px = ?, stain = ? WHERE id = ?",
                    (size, None if stain is None else canonical_json(stain), session),
                )

    def end_session(self, session: int, state: str, utc: datetime) -> Totals:
        """Ends a session as `records.FINISHED` or `records.INTERRUPTED`.

        Raises:
            ValueError: no such running session, another state, or a time without zone.
        """
        if state not in (FINISHED, INTERRUPTED):
            msg = f"a session ends as {FINISHED!r} or {INTERRUPTED!r}, not as {state!r}"
            raise ValueError(msg)
        with self._turn:
            running = self._running_totals(session)
            with self._transaction(session):
                self._connection.execute(
                    "UPDATE sessions SET state = ?, ended_utc = ? WHERE id = ?", (state, iso(utc), session)
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
            return self._connection.execute("DELETE FROM portraits WHERE session = ?", (session,)).rowcount

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
            except BaseException:
                if session is not None:
                    self._running.pop(session, None)
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _insert(self, table: str, row: dict[str, object]) -> sqlite3.Cursor:
        columns, places = ", ".join(row), ", ".join(f":{name}" for name in row)
        # The names are ours, never from outside.
        return self._connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", row)  # noqa: S608

    def _write_portraits(self, session: int, field: int, result: FieldResult) -> None:
        """The pictures of a field's cells: with them in one transaction, and left out together where they fail."""
        self._connection.execute("SAVEPOINT portraits")
        try:
            for number, cell in enumerate(result.new_cells):
                if cell.portrait is not None:
                    self._insert("portraits", portrait_row(session, field, number, cell.portrait))
        except sqlite3.OperationalError:
            if not self._connection.in_transaction:  # a full disk has undone the counts as well: that is an error
                raise
            self._connection.execute("ROLLBACK TO portraits")
        self._connection.execute("RELEASE portraits")

    def _write_tallies(self, session: int, changed: Mapping[str, int]) -> None:
        self._connection.executemany(
            "INSERT INTO tallies VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = excluded.count",
            [(session, name, count) for name, count in changed.items()],
        )


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
