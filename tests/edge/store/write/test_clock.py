"""A Pi has no clock of its own: when the wall clock jumps, nothing is lost, out of order or untrue for that."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from recorded import NOON, field_result, session_start, varied_field

from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.write import statements
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report

JUMPS_DAYS = (0, 0, 20_000, 20_000, -20_000, -20_000, 0.0001, 0)
"""Of the wall clock against the truth, field by field: forward to a wrong century, back beyond 1972, and put right."""


def jump(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start(utc=NOON + timedelta(days=20_000)))
        for index, days in enumerate(JUMPS_DAYS):
            result = replace(field_result(index, ["monocyte"]), utc=NOON + timedelta(days=days))
            writer.commit_field(session, result, {"frames": index + 1})
        writer.end_session(session, "finished", NOON - timedelta(days=9_000))  # "before" it began


def test_the_order_is_that_of_recording_whatever_the_clock_says(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    jump(path)
    with Reader(path) as reader:
        fields = list(reader.fields(1))
        assert [field.frame_index for field in fields] == list(range(len(JUMPS_DAYS)))
        assert [field.monotonic_s for field in fields] == [5.0 + i for i in range(len(JUMPS_DAYS))]
        assert [field.utc for field in fields] == [NOON + timedelta(days=days) for days in JUMPS_DAYS]  # as it was told
        assert [cell.field for cell in reader.cells(1)] == list(range(len(JUMPS_DAYS)))
        assert build_report(reader, 1).counts == {"wbc": len(JUMPS_DAYS), "rbc": 0, "platelet": 0}
    assert check(path).good


def test_the_last_session_is_the_last_one_recorded_and_not_the_one_of_the_latest_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, boots = tmp_path / "records.db", tmp_path / "boot_id"
    monkeypatch.setattr(statements, "_BOOT_ID", boots)
    for boot, days, monotonic_s in (("first", 0.0, 900.0), ("second", -400.0, 12.0), ("second", 0.0, 50.0)):
        boots.write_text(f"{boot}\n")
        with open_writer(path) as writer:
            start = session_start(utc=NOON + timedelta(days=days), monotonic_s=monotonic_s, label=boot)
            writer.end_session(writer.start_session(start), "finished", NOON)
    with Reader(path) as reader:
        sessions = reader.sessions()
        assert reader.session().id == 3
        assert [session.boot_id for session in sessions] == ["first", "second", "second"]
        # within one boot the monotonic clock tells the order and the distance, although UTC jumped by 400 days
        assert sessions[2].started_monotonic_s - sessions[1].started_monotonic_s == 38.0
    assert check(path).good


def test_a_power_cut_with_a_wrong_clock_is_recovered(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, replace(varied_field(3), utc=NOON - timedelta(days=18_000)), {})
    open_writer(path).close()
    with Reader(path) as reader:
        record = reader.session(session)
    assert (record.state, record.ended_utc) == ("interrupted", NOON - timedelta(days=18_000))
    assert check(path).good


def test_every_time_is_kept_with_the_clock_that_does_not_jump(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    jump(path)
    with closing(sqlite3.connect(path)) as connection:
        boot, monotonic_s = connection.execute("SELECT boot_id, started_monotonic_s FROM sessions").fetchone()
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert monotonic_s == 5.0
