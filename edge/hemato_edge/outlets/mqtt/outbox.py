"""The outbox: a small SQLite file beside the store that holds messages until the broker has acknowledged them.

It is made from the store and can be made again from it. It never drops a message: one that was not handed to the broker
yet is replaced by a newer one of the same session and kind, since both are summaries; and when it is full, what is left
to tell waits in the store. A message that was handed over once keeps its id and its bytes until it is acknowledged.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count
from typing import TYPE_CHECKING

from hemato_edge.outlets.mqtt.messages import digest, envelope, message_id
from hemato_edge.store.file.errors import translated
from hemato_edge.store.file.lock import WriterLock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

APPLICATION_ID = 0x48454D4F
"""SQLite's `application_id` of an outbox: "HEMO"."""
VERSION = 1

_LAYOUT = """
CREATE TABLE outbox (               -- one row
  epoch TEXT NOT NULL,
  next_session INTEGER NOT NULL,    -- all sessions with a lower number are told to their end
  last_key TEXT,                    -- the key of the one before it: another one means another store
  relabel INTEGER NOT NULL          -- changes of labels up to this number are told
) STRICT;
CREATE TABLE told (                 -- the newest message of each session and kind, sent or not
  session TEXT NOT NULL,
  kind TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (session, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE messages (             -- what the broker has not acknowledged
  number INTEGER PRIMARY KEY,       -- the order of sending
  id TEXT NOT NULL,
  session TEXT NOT NULL,
  kind TEXT NOT NULL,
  retain INTEGER NOT NULL,
  handed_over INTEGER NOT NULL DEFAULT 0,
  payload TEXT NOT NULL
) STRICT;
CREATE INDEX messages_by_session ON messages (session, kind);
INSERT INTO outbox VALUES (lower(hex(randomblob(4))), 1, NULL, 0);
"""
_OLDEST_OF_EACH = (
    "SELECT number, id, kind, retain, payload FROM messages m WHERE NOT EXISTS"
    " (SELECT 1 FROM messages o WHERE o.session = m.session AND o.kind = m.kind AND o.number < m.number)"
    " ORDER BY number LIMIT ?"
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """A pending message.

    Attributes:
        number: its position in the outbox; ascending.
        id: see `messages.message_id`.
        kind: `messages.SESSION` or `messages.COUNTS`.
        retain: whether the broker is to keep it for those who come later.
        payload: JSON.
    """

    number: int
    id: str
    kind: str
    retain: bool
    payload: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of the store has been copied; see the columns of `outbox`."""

    next_session: int = 1
    last_key: str | None = None
    relabel: int = 0


def outbox_path(database: Path) -> Path:
    """The outbox that belongs to a database."""
    return database.with_name(database.name + ".outbox")


class Outbox:
    """An open outbox; a context manager. One process at a time; used from the thread that opened it.

    A damaged file is kept aside and a new one begun: what it held is in the store, and is sent anew.

    Args:
        path: from `outbox_path`.
        device: the device's name, for the messages.

    Raises:
        StoreError: another process has it, or it cannot be opened or written. Every method raises it, too.
    """

    def __init__(self, path: Path, device: str) -> None:
        self.path = path
        self._device = device
        self._lock = WriterLock(path)
        try:
            with translated(path):
                self._connection = _opened(path)
                self.epoch: str = self._connection.execute("SELECT epoch FROM outbox").fetchone()[0]
        except BaseException:  # whatever it was: tidied up, and raised again
            self._lock.release()
            raise

    def close(self) -> None:
        """Close the file and let others have it."""
        self._connection.close()
        self._lock.release()

    def __enter__(self) -> Outbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block in one transaction: all of it or nothing is written."""
        with translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:  # whatever it was: tidied up, and raised again
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def waiting(self) -> int:
        """Number of messages not acknowledged yet."""
        with translated(self.path):
            count: int = self._connection.execute("SELECT count(*) FROM messages").fetchone()[0]
        return count

    def next(self, limit: int) -> list[Message]:
        """The oldest messages, at most one of each session and kind, so that a newer one never overtakes an older."""
        with translated(self.path):
            rows = self._connection.execute(_OLDEST_OF_EACH, (limit,))
            return [Message(number, name, kind, bool(keep), text) for number, name, kind, keep, text in rows]

    def has_told(self, key: str, kind: str) -> bool:
        """Whether there has ever been a message of that session and kind."""
        with translated(self.path):
            told = self._connection.execute("SELECT 1 FROM told WHERE session = ? AND kind = ?", (key, kind))
            return told.fetchone() is not None

    def tell(self, session: tuple[int, str], kind: str, content: Mapping[str, object], *, retain: bool) -> bool:
        """Add a message unless its content equals that of the newest of its kind. Call it inside `transaction`.

        Args:
            session: its number in the database, and its key.
            kind: see `Message`.
            content: all but the envelope.
            retain: see `Message`.

        Returns:
            Whether there was anything new to send.
        """
        key = session[1]
        told = self._connection.execute(
            "SELECT sequence, digest FROM told WHERE session = ? AND kind = ?", (key, kind)
        ).fetchone()
        new = digest(content)
        if told is not None and told[1] == new:
            return False
        sequence = 1 if told is None else told[0] + 1
        identity = message_id(self.epoch, key, kind, sequence)
        now = datetime.now(timezone.utc)
        whole = {**envelope(identity, kind, sequence, self._device, session, now), **content}
        self._connection.execute("DELETE FROM messages WHERE number = ?", (self._replaceable(key, kind),))
        self._connection.execute(
            "INSERT INTO messages (id, session, kind, retain, payload) VALUES (?, ?, ?, ?, ?)",
            (identity, key, kind, int(retain), json.dumps(whole, ensure_ascii=False)),
        )
        self._connection.execute(
            "INSERT INTO told VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " sequence = excluded.sequence, digest = excluded.digest",
            (key, kind, sequence, new),
        )
        return True

    def hand_over(self, messages: Sequence[Message]) -> None:
        """Mark messages as being sent, before they are: the broker may have them, so they are no longer replaced."""
        with self.transaction():
            self._connection.executemany(
                "UPDATE messages SET handed_over = 1 WHERE number = ?", [(message.number,) for message in messages]
            )

    def acknowledge(self, numbers: Sequence[int]) -> None:
        """Remove messages that the broker has acknowledged."""
        with self.transaction():
            self._connection.executemany("DELETE FROM messages WHERE number = ?", [(number,) for number in numbers])

    def progress(self) -> Progress:
        """How much of the store has been copied into the outbox."""
        with translated(self.path):
            return Progress(*self._connection.execute("SELECT next_session, last_key, relabel FROM outbox").fetchone())

    def set_progress(self, progress: Progress) -> None:
        """Record how much of the store has been copied. Call it inside `transaction`."""
        if progress == self.progress():
            return  # an update that changes nothing is written to the card all the same
        self._connection.execute(
            "UPDATE outbox SET next_session = ?, last_key = ?, relabel = ?",
            (progress.next_session, progress.last_key, progress.relabel),
        )

    def _replaceable(self, key: str, kind: str) -> int | None:
        row = self._connection.execute(
            "SELECT number FROM messages WHERE session = ? AND kind = ? AND handed_over = 0", (key, kind)
        ).fetchone()
        return None if row is None else int(row[0])


def _opened(path: Path) -> sqlite3.Connection:
    """The outbox at `path`, made where there is none. One that cannot be used is kept aside, and that is logged."""
    connection = _connect(path)
    if not _is_sound(connection):
        connection.close()
        _keep_aside(path)
        connection = _connect(path)
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.executescript(
            f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; {_LAYOUT} COMMIT;"
        )
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.DatabaseError as error:
        if "not a database" not in str(error) and "malformed" not in str(error):
            connection.close()
            raise  # `_is_sound` says no to the others
    return connection


def _is_sound(connection: sqlite3.Connection) -> bool:
    """Whether it is an outbox of this version, or still nothing: a process may be killed while it makes one."""
    try:
        marks = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            return False
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise  # a disk that cannot be read says nothing about the file
        return False
    return not tables or (marks == [APPLICATION_ID, VERSION] and tables >= {"outbox", "told", "messages"})


def _keep_aside(path: Path) -> None:
    places = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    aside = next(place for place in places if not place.exists())
    path.rename(aside)
    for end in ("-wal", "-shm"):
        log_file = path.with_name(path.name + end)
        if log_file.exists():
            log_file.rename(aside.with_name(aside.name + end))
    log.warning("the outbox %s is damaged: kept as %s; what waited in it is told anew from the store", path, aside.name)


def waiting_in(path: Path) -> int:
    """Number of pending messages in the outbox at `path`, also while another process uses it; 0 if there is none.

    Raises:
        StoreError: it cannot be read.
    """
    if not path.exists():
        return 0
    with translated(path), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        found: int = connection.execute("SELECT count(*) FROM messages").fetchone()[0]
    return found
