"""What the writer returns is on disk; sessions begin and end; one writer at a time."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, field_result, session_start, varied_field, varied_tallies

from hemato_edge.errors import StoreError
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import Join, NewField
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path

CELLS = ("neutrophil", "neutrophil", "lymphocyte", "unclassified", "erythroblast", "platelet")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


def test_totals_sort_the_answers(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        totals = writer.commit_field(
            session,
            field_result(0, CELLS, rbc=40, platelet=7),
            {"frames": 9, "dropped": 2, "rejected:too_dark": 6, "skipped:unreadable": 1, "tracking_lost": 1},
        )
    assert (totals.session, totals.fields, totals.frames, totals.dropped) == (session, 1, 9, 2)
    assert totals.wbc == 4  # unclassified included, the erythroblast and the platelet not
    assert totals.rbc == 40
    assert totals.platelet == 7 + 1  # one was named by the classifier
    assert totals.labels == {"neutrophil": 2, "lymphocyte": 1, "unclassified": 1, "erythroblast": 1, "platelet": 1}
    assert totals.rejected == {"too_dark": 6}
    assert totals.skipped == {"unreadable": 1}


def test_running_totals_agree_with_the_tables_after_every_commit(path: Path) -> None:
    with open_writer(path) as writer, Reader(path) as reader:
        session = writer.start_session(session_start())
        for index in range(40):
            totals = writer.commit_field(session, varied_field(index), varied_tallies(index + 1))
            assert reader.totals(session) == totals
        ended = writer.end_session(session, "finished", NOON)
    assert ended == totals


def test_every_connection_has_the_durable_settings(path: Path) -> None:
    with open_writer(path) as writer:
        pragmas = {
            name: writer._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_tallies_are_absolute_and_kept_when_not_named_again(path: Path) -> None:
    with open_writer(path) as writer, Reader(path) as reader:
        session = writer.start_session(session_start())
        writer.commit_tallies(session, {"frames": 5, "rejected:too_dark": 2})
        totals = writer.commit_tallies(session, {"frames": 8})
        assert (totals.frames, totals.rejected) == (8, {"too_dark": 2})
        assert reader.totals(session) == totals


def test_an_unchanged_tally_writes_nothing(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_tallies(session, {"frames": 5})
        before = writer._connection.total_changes
        writer.commit_tallies(session, {"frames": 5})
        assert writer._connection.total_changes == before


def test_a_field_is_written_whole_or_not_at_all(path: Path) -> None:
    good = field_result(1, ("monocyte",), rbc=3)
    cell = good.new_cells[0]
    short = replace(cell, judgement=replace(cell.judgement, probabilities=cell.judgement.probabilities[:3]))
    with open_writer(path) as writer, Reader(path) as reader:
        session = writer.start_session(session_start())
        before = writer.commit_field(session, field_result(0, CELLS), {"frames": 1})
        with pytest.raises(ValueError, match="3 probabilities for 8 labels"):
            writer.commit_field(session, replace(good, new_cells=(cell, short)), {"frames": 2})
        assert reader.totals(session) == before
        assert len(list(reader.fields(session))) == 1
        after = writer.commit_field(session, good, {"frames": 2})
        assert (after.fields, after.rbc, after.labels["monocyte"]) == (2, 3, 1)


def test_a_full_disk_is_told_and_loses_nothing_that_was_committed(path: Path) -> None:
    with open_writer(path) as writer, Reader(path) as reader:
        session = writer.start_session(session_start())
        pages = writer._connection.execute("PRAGMA page_count").fetchone()[0]
        writer._connection.execute(f"PRAGMA max_page_count = {pages + 2}")  # SQLite then says what ENOSPC makes it say
        totals = writer.commit_field(session, field_result(0, CELLS), {"frames": 1})
        with pytest.raises(StoreError, match="full disk") as caught:  # noqa: PT012 - the last that went well is needed
            for index in range(1, 500):
                totals = writer.commit_field(session, field_result(index, CELLS), {"frames": index + 1})
        assert "df -h" in caught.value.fix
        assert reader.totals(session) == totals
        writer._connection.execute(f"PRAGMA max_page_count = {pages + 999}")  # space was made
        assert writer.commit_tallies(session, {}) == totals
        assert writer.commit_field(session, field_result(900), {"frames": 900}).fields == totals.fields + 1


def test_a_disk_that_becomes_read_only_is_told(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer._connection.execute("PRAGMA query_only = ON")  # the message is the one of a read-only file system
        with pytest.raises(StoreError, match="read-only"):
            writer.commit_field(session, field_result(0, CELLS), {})


def test_too_little_space_is_refused_before_anything_is_made(path: Path) -> None:
    with pytest.raises(StoreError, match=r"MB free; \d+ MB are wanted"):
        open_writer(path, min_free_mb=10**9)
    assert list(path.parent.iterdir()) == []


def test_sessions_are_numbered_and_can_run_side_by_side(path: Path) -> None:
    with open_writer(path) as writer:
        first, second = writer.start_session(session_start()), writer.start_session(session_start())
        writer.commit_field(first, field_result(0, ("monocyte",)), {"frames": 1})
        totals = writer.commit_field(second, field_result(0, ("basophil",)), {"frames": 2})
    assert (first, second) == (1, 2)
    assert (totals.labels, totals.frames) == ({"basophil": 1}, 2)


@pytest.mark.parametrize("session", [1, 99])  # ended; never was
def test_only_a_running_session_takes_fields(path: Path, session: int) -> None:
    with open_writer(path) as writer:
        writer.end_session(writer.start_session(session_start()), "finished", NOON)
        with pytest.raises(ValueError, match=f"session {session} is not running"):
            writer.commit_field(session, field_result(0), {})


def test_times_need_a_zone_and_ends_a_known_state(path: Path) -> None:
    with open_writer(path) as writer:
        with pytest.raises(ValueError, match="time zone"):
            writer.start_session(session_start(utc=datetime(2026, 3, 1)))
        session = writer.start_session(session_start())
        with pytest.raises(ValueError, match="'running'"):
            writer.end_session(session, "running", NOON)


def test_a_session_left_running_is_interrupted_when_next_opened(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, field_result(7, CELLS), {"frames": 8})
        with Reader(path) as reader:
            assert reader.session().state == "running"
    with Reader(path) as reader:  # its writer is gone, and a reader can tell
        assert reader.session().state == "interrupted"
    with open_writer(path) as writer, Reader(path) as reader:
        record = reader.session(session)
        assert (record.state, record.ended_utc) == ("interrupted", NOON + timedelta(seconds=7))
        other = writer.start_session(session_start())
        assert [r.state for r in reader.sessions()] == ["interrupted", "running"]
        writer.end_session(other, "finished", NOON)
    rows = sqlite3.connect(path)
    assert rows.execute("SELECT state FROM sessions").fetchall() == [("interrupted",), ("finished",)]
    rows.close()


def test_a_second_writer_is_refused_and_told_who_writes(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        link = path.with_name("other-name.db")
        link.symlink_to(path)
        for name in (path, link):
            program = "import sys; from hemato_edge.store.writer import open_writer; open_writer(sys.argv[1])"
            done = subprocess.run(
                [sys.executable, "-c", program, str(name)], capture_output=True, text=True, check=False
            )
            assert f"is being written by process {os.getpid()}" in done.stderr
        with pytest.raises(StoreError, match=f"process {os.getpid()}"):
            open_writer(path)
        assert writer.commit_field(session, field_result(0), {}).fields == 1
    open_writer(path).close()  # free again


def test_threads_may_share_a_writer(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        threads = [
            threading.Thread(
                target=lambda: [writer.commit_field(session, field_result(0, CELLS), {}) for _ in range(20)]
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        totals = writer.commit_tallies(session, {})
    assert (totals.fields, totals.wbc) == (80, 320)


def test_the_default_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hemato_edge.store.file.location import default_database

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    open_writer(default_database()).close()
    assert (tmp_path / "data" / "hemato-edge" / "hemato-edge.db").is_file()


def test_fields_that_wait_for_the_disk_are_recorded_together(tmp_path: Path) -> None:
    one, together = tmp_path / "one.db", tmp_path / "together.db"
    with open_writer(one) as first, open_writer(together) as second:
        for writer in (first, second):
            writer.start_session(session_start())
        for i in range(4):
            totals = first.commit_field(1, varied_field(i), varied_tallies(4) if i == 3 else {})
        assert second.commit_fields(1, [NewField(varied_field(i)) for i in range(4)], varied_tallies(4)) == totals
    assert check(together).good
    with Reader(one) as a, Reader(together) as b:
        assert a.last_link(1) is not None
        assert [field.new_rbc for field in a.fields(1)] == [field.new_rbc for field in b.fields(1)]


def test_fields_are_recorded_together_or_not_at_all(tmp_path: Path) -> None:
    with open_writer(tmp_path / "records.db") as writer:
        writer.start_session(session_start())
        writer.commit_field(1, varied_field(0), {})
        bad = NewField(varied_field(2), (Join((9, 0), (0, 0)),))
        with pytest.raises(ValueError, match="no cell"):
            writer.commit_fields(1, [NewField(varied_field(1)), bad], {})
        assert writer.commit_field(1, varied_field(1), {}).fields == 2
