"""Pictures of cells are kept with their counts, and no count depends on them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from recorded import field_result, portrait, record, session_start, with_portraits

from hemato_edge.store.file import space
from hemato_edge.store.reader import Reader
from hemato_edge.store.write import portraits
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


def test_a_picture_comes_back(path: Path) -> None:
    record(path, ["neutrophil", "monocyte"], pictures=True)
    with Reader(path) as reader:
        found = reader.portrait(1, 1, 0)
        assert reader.portrait(1, 1, 7) is None
    assert found is not None
    assert found.jpeg == portrait().jpeg
    assert found.activation == (bytes([0, 64, 255]), bytes([0, 0, 128]))


def test_counts_are_committed_where_pictures_fail(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> sqlite3.Cursor:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(portraits, "insert", no_room)
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        totals = writer.commit_field(session, with_portraits(field_result(0, ("neutrophil",), rbc=5)), {"frames": 1})
    with Reader(path) as reader:
        assert reader.totals(session) == totals
        assert (totals.labels, totals.rbc) == ({"neutrophil": 1}, 5)
        assert reader.portrait(session, 0, 0) is None


def test_on_a_disk_that_fills_pictures_stop_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = space.shutil.disk_usage(path.parent)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: free._replace(free=150_000_000))
    with open_writer(path, min_free_mb=100, portraits_min_free_mb=200) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, with_portraits(field_result(0, ("neutrophil",))), {})
        with Reader(path) as reader:
            assert reader.totals(session).wbc == 1
            assert reader.portrait(session, 0, 0) is None


def test_pruning_leaves_the_counts(path: Path) -> None:
    session = record(path, ["neutrophil", "monocyte"], pictures=True)
    with Reader(path) as reader:
        totals = reader.totals(session)
    with open_writer(path) as writer:
        assert writer.prune_portraits(session).pictures == 2
    with Reader(path) as reader:
        assert reader.totals(session) == totals
        assert reader.portrait(session, 0, 0) is None
