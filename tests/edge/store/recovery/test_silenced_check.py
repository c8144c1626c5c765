"""`db check` is not silenced by versions, triggers, whole sessions, forged repairs or pictures that changed places."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, field_result, record, session_start, with_portraits

from hemato_edge.store.heads import noted
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path

TABLES = ("joined", "relabels", "portraits", "cells", "fields", "events", "tallies")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "records.db"
    for label in ("a", "b", "c"):
        record(made, ["neutrophil", "monocyte", "basophil", "lymphocyte"], label=label, pictures=True)
    return made


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def found(path: Path) -> list[str]:
    return [what for step in check(path).steps for what in step.found]


def without(path: Path, session: int) -> None:
    change(path, *(f"DELETE FROM {table} WHERE session = {session}" for table in TABLES))  # noqa: S608
    change(path, f"DELETE FROM sessions WHERE id = {session}")  # noqa: S608


def test_an_untouched_record_is_good(path: Path) -> None:
    assert found(path) == []
    assert [head.session for head in noted(path)] == [1, 2, 3]


def test_a_database_that_was_deleted_is_told_and_the_new_one_is_not_accused(path: Path) -> None:
    path.unlink()
    record(path, ["neutrophil"], label="anew")
    result = check(path)
    assert result.good, [step.found for step in result.steps]
    assert [one.sessions for one in result.beginnings] == [3]
    record(path, ["monocyte"], label="newest")
    without(path, 2)
    assert any("session 2 was removed" in what for what in found(path))


@pytest.mark.parametrize("version", [1, 2])
def test_a_version_that_was_turned_back(path: Path, version: int) -> None:
    change(path, "UPDATE fields SET new_rbc = new_rbc + 500 WHERE session = 2", f"PRAGMA user_version = {version}")
    assert any("the version was edited" in what for what in found(path))


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE TRIGGER quiet AFTER INSERT ON fields BEGIN SELECT 1; END", "trigger quiet"),
        ("CREATE VIEW mine AS SELECT * FROM cells", "view mine"),
        ("CREATE TABLE theirs (x)", "table theirs"),
        ("ALTER TABLE cells ADD COLUMN extra TEXT", "table cells"),
        ("DROP TABLE portraits", "table portraits is missing"),
    ],
)
def test_what_another_program_added(path: Path, statement: str, named: str) -> None:
    change(path, statement)
    assert any(named in what for what in found(path))


def test_the_newest_session_removed_whole(path: Path) -> None:
    without(path, 3)
    assert any(what.startswith("session 3 was removed") for what in found(path))


def test_all_sessions_removed(path: Path) -> None:
    for session in (1, 2, 3):
        without(path, session)
    assert sum("was removed" in what for what in found(path)) == 3


def test_the_end_of_the_last_session_taken_away(path: Path) -> None:
    change(
        path,
        "DELETE FROM events WHERE session = 3 AND event = 'end'",
        "UPDATE sessions SET state = 'running', ended_utc = NULL, ended_because = NULL WHERE id = 3",
    )
    assert any("session 3 is not as it ended" in what for what in found(path))


def test_a_later_review_is_no_fault(path: Path) -> None:
    with open_writer(path) as writer:
        writer.relabel(3, 0, 0, "basophil", "Ada", NOON)
    assert found(path) == []


def test_a_forged_repair_excuses_nothing(path: Path) -> None:
    without(path, 2)
    report = json.dumps({"saved": {}, "resealed": [1], "sessions_lost": [2], "lost": []})
    change(path, f"INSERT INTO repairs (utc, damaged, report) VALUES ('2026', 'x', '{report}')")  # noqa: S608
    told = found(path)
    assert any("repair 1 is not one of this program's" in what for what in told)
    assert any("session 2 was removed" in what for what in told)


def test_pictures_that_changed_places(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT rowid FROM portraits WHERE session = 1 ORDER BY rowid").fetchall()
        connection.execute("UPDATE portraits SET jpeg = CAST(jpeg || X'00' AS BLOB) WHERE rowid = ?", rows[0])
        connection.commit()
    assert found(path) == ["session 1: the picture of cell 0 of field 0 is not the one that was recorded"]


def test_a_number_from_outside_costs_no_memory(path: Path) -> None:
    columns = "state, started_utc, started_monotonic_s, boot_id, camera, label, target, model_name, model_sha256"
    columns += ", classifier_labels, settings, settings_sha256, versions"
    change(path, f"INSERT INTO sessions (id, {columns}) SELECT 300000000, {columns} FROM sessions WHERE id = 1")  # noqa: S608
    told = found(path)
    assert any("sessions 4 to 299999999 were removed, or session 300000000" in what for what in told)
    assert len(told) < 20


def test_pictures_are_checked_beside_fields_without_any(tmp_path: Path) -> None:
    path = tmp_path / "mixed.db"
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, with_portraits(field_result(0, ["neutrophil"])), {})
        writer.commit_field(session, field_result(1, ["neutrophil"]), {})
    assert check(path).good
