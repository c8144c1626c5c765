"""Pictures go by age and by space, in small steps, never the newest of a class, and no count with them."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, field_result, portrait, session_start, with_portraits

from hemato_edge.store.file import space
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.write import allowance
from hemato_edge.store.write.allowance import A_DAY_S
from hemato_edge.store.write.retention import STEP, Retention
from hemato_edge.store.writer import Writer, open_writer

if TYPE_CHECKING:
    from pathlib import Path

SIZE_MB = portrait().size / 1e6


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
def always_a_day_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """At each look the device has been on for ten days more, so that age is bounded by itself alone."""
    clock = itertools.count(0.0, 10 * A_DAY_S)
    monkeypatch.setattr(allowance, "since_boot_s", lambda: next(clock))
    monkeypatch.setattr(allowance, "SHARE_A_DAY", 1.0)


def kept(path: Path) -> list[tuple[int, str]]:
    """Field and label of the pictures that are there, in order of recording."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT p.field, c.label FROM portraits p JOIN cells c"
            " ON (c.session, c.field, c.number) = (p.session, p.field, p.cell) ORDER BY p.rowid"
        ).fetchall()


def count(writer: Writer, labels: list[str], days: float = 0.0, first: int = 0) -> None:
    session = writer.start_session(session_start())
    for index, label in enumerate(labels):
        result = with_portraits(field_result(first + index, [label]))
        writer.commit_field(session, replace(result, utc=result.utc + timedelta(days=days)), {})


def test_space_is_bounded_after_every_field(path: Path) -> None:
    with open_writer(path, retention=Retention(max_mb=3.5 * SIZE_MB)) as writer:
        session = writer.start_session(session_start())
        for index in range(10):
            writer.commit_field(session, with_portraits(field_result(index, ["neutrophil"])), {})
            assert len(kept(path)) == min(index + 1, 3)
        assert kept(path) == [(7, "neutrophil"), (8, "neutrophil"), (9, "neutrophil")]
        assert writer.commit_tallies(session, {}).wbc == 10
    assert check(path).good


def test_the_newest_of_each_class_stay(path: Path) -> None:
    with open_writer(path, retention=Retention(max_mb=4.5 * SIZE_MB, min_per_class=2)) as writer:
        count(writer, ["basophil", "basophil", "basophil", *["neutrophil"] * 8])
    # the third last basophil went first; the two others stay although they are the oldest
    assert kept(path) == [(1, "basophil"), (2, "basophil"), (9, "neutrophil"), (10, "neutrophil")]


def test_the_minimum_stands_above_the_space(path: Path) -> None:
    with open_writer(path, retention=Retention(max_mb=SIZE_MB / 2, min_per_class=3)) as writer:
        count(writer, ["monocyte"] * 5)
    assert len(kept(path)) == 3


@pytest.mark.usefixtures("always_a_day_later")
def test_old_pictures_go_with_the_fields_of_later_days(path: Path) -> None:
    with open_writer(path, retention=Retention(max_age_days=30)) as writer:
        count(writer, ["neutrophil"] * 3)
        count(writer, ["lymphocyte"] * 2, days=29)
        assert len(kept(path)) == 5
        count(writer, ["monocyte"], days=31)
    assert [label for _, label in kept(path)] == ["lymphocyte", "lymphocyte", "monocyte"]


def test_one_field_removes_few_however_much_is_over(path: Path) -> None:
    with open_writer(path) as writer:
        count(writer, ["neutrophil"] * (3 * STEP))
    with open_writer(path, retention=Retention(max_mb=SIZE_MB / 2)) as writer:
        session = writer.start_session(session_start())
        for left in (2 * STEP, STEP, 0):
            writer.commit_field(session, field_result(0), {})
            assert len(kept(path)) == left


def test_a_clock_that_jumped_ahead_removes_a_tenth_a_day(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_s = 1000.0
    monkeypatch.setattr(allowance, "since_boot_s", lambda: on_s)
    with open_writer(path) as writer:
        count(writer, ["neutrophil"] * 30)
    for start in range(4):  # and more starts remove no more
        with open_writer(path, retention=Retention(max_age_days=365)) as writer:
            count(writer, ["basophil"] * 3, days=20_000, first=100 * start)
            assert len([label for _, label in kept(path) if label == "neutrophil"]) == 30
    on_s += A_DAY_S
    for _ in range(3):
        with open_writer(path, retention=Retention(max_age_days=365)) as writer:
            count(writer, ["basophil"] * 2, days=20_000)
    assert 26 <= len([label for _, label in kept(path) if label == "neutrophil"]) <= 27
    monkeypatch.setattr(allowance, "boot_id", lambda: "another boot")
    on_s = 5.0
    with open_writer(path, retention=Retention(max_age_days=365)) as writer:
        count(writer, ["basophil"], days=20_000)
    assert 26 <= len([label for _, label in kept(path) if label == "neutrophil"]) <= 27


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 3}', '{"PATH": {"share": 9, "at_s": 0, "boot": ""}}'])
def test_a_note_of_the_allowance_that_is_none_allows_nothing(path: Path, state_folder: Path, text: str) -> None:
    note = state_folder / "hemato-edge" / "retention.json"
    note.parent.mkdir(exist_ok=True)
    note.write_text(text.replace("PATH", str(path)), encoding="utf-8")
    assert allowance.Allowance(path, lambda: 7.0).pictures(1000) == 0
    note.unlink()


@pytest.mark.usefixtures("always_a_day_later")
def test_a_clock_that_went_back_does_not_keep_pictures_for_ever(path: Path) -> None:
    with open_writer(path, retention=Retention(max_age_days=30)) as writer:
        count(writer, ["neutrophil"] * 2, days=20_000)  # a Pi that believed to be in another century
        count(writer, ["neutrophil"] * 2)
        assert len(kept(path)) == 4
        count(writer, ["neutrophil"], days=31)
    assert len(kept(path)) == 1


def test_a_picture_that_fails_to_be_written_is_not_taken_for_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = space.shutil.disk_usage(path.parent)
    with open_writer(path, portraits_min_free_mb=200, retention=Retention(max_mb=2.5 * SIZE_MB)) as writer:
        count(writer, ["neutrophil"] * 2)
        with monkeypatch.context() as patch:
            patch.setattr(space.shutil, "disk_usage", lambda _: free._replace(free=150_000_000))
            count(writer, ["monocyte"] * 2)
        assert [label for _, label in kept(path)] == ["neutrophil"] * 2
        count(writer, ["lymphocyte"] * 2)
    assert [label for _, label in kept(path)] == ["lymphocyte"] * 2


def test_all_at_once_between_runs(path: Path) -> None:
    with open_writer(path) as writer:
        count(writer, ["neutrophil"] * 20)
        count(writer, ["lymphocyte"] * 20)
        assert writer.prune_by(Retention(max_mb=0.001, min_per_class=5)).pictures == 30
        assert writer.prune_by(Retention(max_mb=0.001, min_per_class=5)).pictures == 0
    with Reader(path) as reader:
        assert [reader.totals(session).wbc for session in (1, 2)] == [20, 20]
    assert len(kept(path)) == 10
    assert check(path).good


def test_relabelled_cells_are_kept_by_the_persons_word(path: Path) -> None:
    with open_writer(path) as writer:
        count(writer, ["neutrophil"] * 4)
        writer.relabel(1, 0, 0, "basophil", "Ada", NOON)
        writer.prune_by(Retention(max_mb=0.001, min_per_class=1))
    assert [field for field, _ in kept(path)] == [0, 3]
