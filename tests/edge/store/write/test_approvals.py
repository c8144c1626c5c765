"""A session is approved by a person; a later change of a label shows; the chain holds it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from recorded import NOON, record, session_start

from hemato_edge.store.reader import Reader
from hemato_edge.store.records import Approval
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.text import report_lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    record(tmp_path / "x.db", ["neutrophil"] * 5)
    return tmp_path / "x.db"


def approval(path: Path) -> Approval | None:
    with Reader(path) as reader:
        return reader.approval(1)


def line(path: Path) -> str:
    with Reader(path) as reader:
        return next(one for one in report_lines(build_report(reader)) if "pproved" in one)


def test_it_stands_until_a_label_is_changed_and_can_be_given_again(path: Path) -> None:
    assert approval(path) is None
    assert line(path) == "Not approved by anybody."
    with open_writer(path) as writer:
        writer.relabel(1, 0, 0, "monocyte", "Ada", NOON)
        writer.approve(1, "Ada", NOON)
    assert approval(path) == Approval("Ada", NOON, overtaken=False)
    assert line(path) == f"Approved by Ada on {NOON:%Y-%m-%d %H:%M} UTC."
    with open_writer(path) as writer:
        writer.undo(1, "Bob", NOON)
    assert approval(path) == Approval("Ada", NOON, overtaken=True)
    assert line(path).endswith("UTC. A label was changed since: approve it again.")
    with open_writer(path) as writer:
        writer.approve(1, "Bob", NOON + timedelta(hours=1))
    assert approval(path) == Approval("Bob", NOON + timedelta(hours=1), overtaken=False)
    assert check(path).good


@pytest.mark.parametrize(("session", "who"), [(1, " "), (2, "Ada")])
def test_nobody_approves_nothing(path: Path, session: int, who: str) -> None:
    with open_writer(path) as writer, pytest.raises(ValueError, match="cannot approve"):
        writer.approve(session, who, NOON)
    assert approval(path) is None


def test_a_session_that_runs_is_not_approved(path: Path) -> None:
    with open_writer(path) as writer:
        running = writer.start_session(session_start())
        with pytest.raises(ValueError, match="cannot approve"):
            writer.approve(running, "Ada", NOON)


def test_an_approval_that_was_written_past_the_program_shows(path: Path) -> None:
    with open_writer(path) as writer:
        writer.approve(1, "Ada", NOON)
        writer._connection.execute("UPDATE events SET said = replace(said, 'Ada', 'Eve') WHERE event = 'approved'")
        writer._connection.commit()
    assert not check(path).good
