"""A deleted session is gone from the file, and its trace is verified."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, field_result, record, session_start, with_portraits

from hemato_edge.errors import StoreError
from hemato_edge.store import heads
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.recovery.repair import repair
from hemato_edge.store.seal import SealKey
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path

LATER = datetime(2026, 3, 2, 9, 30, tzinfo=timezone.utc)
NAME = "smear of Mrs Example"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "records.db"
    for label in ("first", NAME, "third"):
        record(made, ["neutrophil"] * 3, label=label)
    with open_writer(made) as writer:
        writer.relabel(2, 0, 0, "monocyte", "Ada", NOON)
    return made


def delete(path: Path, session: int = 2, key: SealKey | None = None) -> None:
    with open_writer(path, key=key) as writer:
        writer.delete_session(session, "Ada", "wrong patient", LATER)


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_the_rest_verifies_and_the_trace_says_when_by_whom_and_why(path: Path) -> None:
    delete(path)
    result = check(path)
    assert result.good, [step.found for step in result.steps]
    assert [str(one) for one in result.deletions] == [
        "session 2 was deleted on 2026-03-02 09:30:00 UTC by Ada: wrong patient (2 fields, 3 recorded cells)"
    ]
    with Reader(path) as reader:
        assert [one.id for one in reader.sessions()] == [1, 3]
        with pytest.raises(StoreError, match="session 2 was deleted on 2026-03-02"):
            reader.session(2)


def test_nothing_of_it_is_left_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    with open_writer(path) as writer:
        session = writer.start_session(session_start(label=NAME))
        writer.commit_field(session, with_portraits(field_result(0, ["neutrophil"])), {})
        writer.end_session(session, "finished", NOON)
    with Reader(path) as reader:
        kept = reader.portrait(session, 0, 0)
    assert kept is not None
    assert NAME.encode() in path.read_bytes()
    assert kept.jpeg[20:60] in path.read_bytes()
    delete(path, session)
    for file in path.parent.glob("records.db*"):
        assert NAME.encode() not in file.read_bytes()
        assert kept.jpeg[20:60] not in file.read_bytes()


def test_its_numbers_are_given_to_nothing_else(path: Path) -> None:
    with open_writer(path) as writer:
        writer.relabel(3, 0, 0, "eosinophil", "Ada", NOON)
    delete(path, 3)
    with open_writer(path) as writer:
        assert writer.start_session(session_start()) == 4
        writer.relabel(1, 0, 0, "basophil", "Ada", NOON)
    with Reader(path) as reader:
        assert reader.relabelled_since(2) == [(1, 3)], "who follows the changes by their numbers misses none"
    assert check(path).good


@pytest.mark.parametrize(("who", "why"), [("", "a reason"), ("Ada", " ")])
def test_nobody_deletes_without_a_reason(path: Path, who: str, why: str) -> None:
    with open_writer(path) as writer, pytest.raises(ValueError, match="cannot delete"):
        writer.delete_session(2, who, why, LATER)
    assert not check(path).deletions


def test_a_running_session_is_not_deleted(path: Path) -> None:
    with open_writer(path) as writer:
        running = writer.start_session(session_start())
        with pytest.raises(ValueError, match="cannot delete"):
            writer.delete_session(running, "Ada", "a reason", LATER)
        writer.commit_field(running, field_result(0, ["neutrophil"]), {})


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE deletions SET said = replace(said, 'wrong patient', 'no reason')", "deletion of session 2 was edited"),
        ("DELETE FROM deletions", "session 2 was removed"),
        ("UPDATE deletions SET id = 9", "session 2 was removed"),
    ],
)
def test_an_edited_trace_is_found(path: Path, statement: str, found: str) -> None:
    delete(path)
    change(path, statement)
    assert any(found in what for step in check(path).steps for what in step.found)


def test_a_session_that_is_removed_past_the_program_does_not_fit_its_head(path: Path) -> None:
    """Who makes up a trace for a session must know the links that were noted when it ended."""
    delete(path)
    noted = [head for head in heads.noted(path.resolve()) if head.session == 2]
    assert [head.link for head in noted][-1] == check(path).deletions[0].link.hex()
    text = json.dumps({**json.loads(check(path).deletions[0].said), "before": "00" * 32})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE deletions SET said = ?, link = ?", (text, bytes(32)))
        connection.commit()
    found = [what for step in check(path).steps for what in step.found]
    assert any("was not as it ended when it was deleted" in what for what in found)


def test_with_a_key_only_its_owner_leaves_a_valid_trace(tmp_path: Path) -> None:
    path, key = tmp_path / "records.db", SealKey(b"k" * 32)
    with open_writer(path, key=key) as writer:
        for _ in range(3):
            writer.end_session(writer.start_session(session_start()), "finished", NOON)
    delete(path, 1, key)
    assert check(path, key=key).good
    delete(path, 2)
    assert "session 2 was deleted without the key" in [
        what for step in check(path, key=key).steps for what in step.found
    ]
    assert check(path).good


def test_a_repair_saves_the_trace(path: Path) -> None:
    delete(path)
    content = bytearray(path.read_bytes())
    content[100:140] = b"\xff" * 40
    path.write_bytes(content)
    done = repair(path.resolve())
    assert done is not None
    assert done.salvaged.sessions_lost == []
    result = check(path.resolve())
    assert [one.session for one in result.deletions] == [2]
    assert result.good, [step.found for step in result.steps]
