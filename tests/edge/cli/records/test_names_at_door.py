"""`review` of a finished session while a run counts into the same database: names go through the run's door."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from outcomes import assert_one_line_error
from processes import process
from recorded import record
from waiting import until

from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import Start, State
from hemato_edge.door.messages import DoorError
from hemato_edge.store.reader import Reader


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[None]:
    """A run that counts into `x.db`, in which an earlier session is, with its door at `door.sock`."""
    record(tmp_path / "x.db", ["neutrophil", "lymphocyte"], pictures=True)
    command = [sys.executable, "-m", "hemato_edge.cli.main", "run", "--wait", "--camera", "live-demo", "--no-display"]
    command += ["--db", "x.db", "--door", "door.sock"]
    home = {**os.environ, "HOME": str(tmp_path)}
    with (
        process(command, cwd=tmp_path, env=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL),
        DoorClient(tmp_path / "door.sock") as client,
    ):

        def phase() -> object:
            with suppress(DoorError):
                return client.ask(State()).told["phase"]
            return None

        until(lambda: phase() == "waiting", "the run waits")
        client.ask(Start(target=0))
        until(lambda: phase() == "counting", "the run counts")
        yield


def names(path: Path) -> list[str]:
    with Reader(path) as reader:
        return [cell.name for cell in reader.cells(1)]


def test_a_finished_session_is_reviewed_while_another_counts(counting, program, tmp_path: Path) -> None:
    path, door = tmp_path / "x.db", {"HEMATO_EDGE_DOOR__PATH": str(tmp_path / "door.sock")}
    of_first = ("--db", "x.db", "--session", 1, "--by", "Ada")
    said = program("review", "relabel", 0, 0, "monocyte", *of_first, **door)
    assert said.returncode == 0, said.stderr
    assert names(path) == ["monocyte", "lymphocyte"]
    undone = program("review", "undo", *of_first, **door)
    assert undone.stdout == "field 0 cell 0: monocyte is neutrophil again\n"
    assert names(path) == ["neutrophil", "lymphocyte"]
    assert program("review", "approve", *of_first, **door).returncode == 0
    with Reader(path) as reader:
        assert [change.who for change in reader.relabels(1)] == ["Ada", "Ada"]
    missing = program("review", "relabel", 7, 0, "monocyte", *of_first, **door)
    assert "no cell 0 in field 7" in missing.stderr
    assert missing.returncode != 0


def test_sessions_are_described_while_another_counts(counting, program, tmp_path: Path) -> None:
    path, door = tmp_path / "x.db", {"HEMATO_EDGE_DOOR__PATH": str(tmp_path / "door.sock")}
    of_first = ("--db", "x.db", "--session", 1, "--by", "Ada")
    for command, text in (("rename", "smear A"), ("comment", "poorly stained")):
        said = program("session", command, text, *of_first, **door)
        assert said.returncode == 0, said.stderr
    assert program("session", "rename", "the one that runs", "--db", "x.db", **door).returncode == 0
    with Reader(path) as reader:
        assert [one.label for one in reader.sessions()] == ["smear A", "the one that runs"]
        assert reader.session(1).comment == "poorly stained"
    long = program("session", "comment", "two\nlines", *of_first, **door)
    assert_one_line_error(long, long.returncode, "one line of at most 500 letters")
    refused = program("session", "delete", 1, "--why", "a test", "--yes", "--db", "x.db", **door)
    assert_one_line_error(refused, 5, "is being written by process", "when the count has ended")
    with Reader(path) as reader:
        assert len(list(reader.sessions())) == 2


def test_without_a_door_it_is_refused_and_said_what_helps(counting, program) -> None:
    refused = program("review", "relabel", 0, 0, "monocyte", "--db", "x.db", "--session", 1)
    assert_one_line_error(refused, 5, "is being written by process", "door.enabled")
