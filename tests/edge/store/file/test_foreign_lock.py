"""Another program's lock: a count waits for it with patience; a review or an end does not."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, session_start, varied_field
from waiting import DEADLINE_S

from hemato_edge.errors import StoreError
from hemato_edge.store.file import connect
from hemato_edge.store.reader import Reader
from hemato_edge.store.write.endings import note_path
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(connect, "BUSY_TIMEOUT_S", 0.05)  # SQLite's own wait; the writer's begins after it
    return tmp_path / "records.db"


def test_a_count_goes_on_when_the_lock_is_given_back(path: Path) -> None:
    with open_writer(path, patience_s=60) as writer:
        writer.start_session(session_start())
        with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            done: list[int] = []
            work = threading.Thread(target=lambda: done.append(writer.commit_field(1, varied_field(0), {}).fields))
            work.start()
            while not writer.blocked:  # it has met the lock
                work.join(0.01)
            assert not done
            foreign.execute("ROLLBACK")
        work.join(DEADLINE_S)
        assert done == [1]
        assert not writer.blocked


def test_without_patience_it_says_who_is_to_be_looked_for(path: Path) -> None:
    with open_writer(path) as writer:
        writer.start_session(session_start())
        with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked by another program"):
                writer.commit_field(1, varied_field(0), {})


def test_an_end_that_cannot_be_recorded_is_told_by_the_next_writer(path: Path) -> None:
    writer = open_writer(path, patience_s=600)
    writer.start_session(session_start())
    writer.commit_field(1, varied_field(0), {})
    with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        writer.hurry()  # the run is to end: it does not wait ten minutes now
        with pytest.raises(StoreError, match="locked"):
            writer.end_session(1, "finished", NOON, "Ctrl-C")
    assert note_path(path).exists()
    writer.close()
    open_writer(path).close()
    with Reader(path) as reader:
        session = reader.session(1)
        assert (session.state, session.ended_because, session.ended_utc) == ("finished", "Ctrl-C", NOON)
    assert not note_path(path).exists()


@pytest.mark.parametrize("text", ["", "[]", '{"1": 5}', '{"1": {"state": "running"}}', "\xff", '{"x": {}}'])
def test_a_note_that_is_none_is_ignored(path: Path, text: str) -> None:
    writer = open_writer(path)
    writer.start_session(session_start())
    writer.close()
    note_path(path).write_bytes(text.encode("latin-1"))
    open_writer(path).close()
    with Reader(path) as reader:
        assert reader.session(1).state == "interrupted"
