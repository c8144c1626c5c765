"""`session rename|comment|delete`: what a person does to a session stands in its chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer
from recorded import record
from typer.testing import CliRunner

from hemato_edge.cli.records import session
from hemato_edge.errors import StoreError
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.text import report_lines

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "records.db"
    record(made, ["neutrophil"] * 3, label="first")
    record(made, ["neutrophil"] * 3, label="second")
    return made


def run(*arguments: object, typed: str = "", code: int = 0) -> str:
    app = typer.Typer()
    session.register(app)
    result = CliRunner().invoke(app, ["session", *map(str, arguments)], input=typed)
    if isinstance(result.exception, StoreError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def test_the_last_name_stands_and_the_first_one_stays_in_the_file(path: Path) -> None:
    run("rename", "smear A", "--db", path, "--session", 1, "--by", "Ada")
    run("rename", "smear B", "--db", path, "--session", 1, "--by", "Ada")
    with Reader(path) as reader:
        assert [one.label for one in reader.sessions()] == ["smear B", "second"]
        kept = reader._connection.execute("SELECT label FROM sessions").fetchall()
        events = reader._connection.execute("SELECT said FROM events WHERE event = 'described'").fetchall()
    assert [row[0] for row in kept] == ["first", "second"]
    assert "smear A" in events[0][0]
    assert "Ada" in events[0][0]


def test_the_number_may_stand_first_and_is_never_taken_for_a_name(path: Path) -> None:
    run("rename", 1, "smear A", "--db", path)
    run("comment", 1, "pale", "--db", path)
    assert "is 1 a session or a name?" in run("rename", 1, "--db", path, code=2)
    assert "in quotes" in run("rename", "smear", "A", "--db", path, code=2)
    with Reader(path) as reader:
        assert [one.label for one in reader.sessions()] == ["smear A", "second"]
        assert "Comment: pale" in report_lines(build_report(reader, 1))
    run("rename", 1, 77, "--db", path)
    with Reader(path) as reader:
        assert reader.session(1).label == "77"


def test_a_comment_is_printed_and_can_be_removed(path: Path) -> None:
    run("comment", "poorly stained", "--db", path)
    with Reader(path) as reader:
        assert "Comment: poorly stained" in report_lines(build_report(reader))
        assert "poorly" not in "".join(report_lines(build_report(reader, 1)))
    run("comment", "", "--db", path)
    with Reader(path) as reader:
        assert not any(line.startswith("Comment") for line in report_lines(build_report(reader)))


def test_the_chain_verifies_and_shows_an_edit_of_the_name(path: Path) -> None:
    import sqlite3

    run("rename", "smear A", "--db", path)
    assert all(not step.found for step in check(path).steps)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE events SET said = replace(said, 'smear A', 'smear X') WHERE event = 'described'")
    connection.close()
    assert any(step.found for step in check(path).steps)


def test_a_session_is_deleted_when_the_question_is_answered(path: Path) -> None:
    asked = run("delete", 1, "--why", "wrong patient", "--by", "Ada", "--db", path, typed="n\n", code=1)
    assert "Delete session 1 ('first', " in asked
    with Reader(path) as reader:
        assert [one.id for one in reader.sessions()] == [1, 2]
    run("delete", 1, "--why", "wrong patient", "--by", "Ada", "--db", path, typed="y\n")
    run("delete", 2, "--why", "a trial", "--by", "Ada", "--db", path, "--yes")
    with Reader(path) as reader:
        assert reader.sessions() == []
    assert [(one.session, one.who, one.why) for one in check(path).deletions] == [
        (1, "Ada", "wrong patient"),
        (2, "Ada", "a trial"),
    ]


def test_nothing_is_deleted_without_a_reason_or_while_the_database_is_written(path: Path) -> None:
    run("delete", 1, "--why", " ", "--db", path, "--yes", code=2)
    with open_writer(path), pytest.raises(StoreError, match="is being written"):
        run("delete", 1, "--why", "a trial", "--db", path, "--yes")
    assert not check(path).deletions
