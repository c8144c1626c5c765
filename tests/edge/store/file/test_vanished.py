"""A database that is deleted, renamed, replaced or cut short while it is written: said at once, and saved elsewhere."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, record, session_start, varied_field

from hemato_edge.errors import StoreError
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import Writer, open_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another database of ours, with more sessions than the one at work."""
    made = tmp_path / "other.db"
    for label in ("a", "b", "c"):
        record(made, ["neutrophil"], label=label)
    return made


@pytest.fixture
def writer(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    """In the middle of session 1, three fields of which are recorded."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    with open_writer(path) as opened:
        opened.start_session(session_start())
        for i in range(3):
            opened.commit_field(1, varied_field(i), {"frames": i + 1})
        yield opened


def deleted(path: Path, other: Path) -> None:
    path.unlink()


def renamed(path: Path, other: Path) -> None:
    path.rename(path.with_name("moved.db"))


def everything_deleted(path: Path, other: Path) -> None:
    for found in path.parent.glob(path.name + "*"):
        found.unlink()


def moved_over(path: Path, other: Path) -> None:
    other.replace(path)


def log_deleted(path: Path, other: Path) -> None:
    path.with_name(path.name + "-wal").unlink()


def folder_removed(path: Path, other: Path) -> None:
    shutil.rmtree(path.parent)


def copied_over(path: Path, other: Path) -> None:
    os.utime(other)
    path.write_bytes(other.read_bytes())


def cut_short(path: Path, other: Path) -> None:
    os.truncate(path, 4096)


def emptied(path: Path, other: Path) -> None:
    os.truncate(path, 0)


WHOLE = [deleted, renamed, everything_deleted, moved_over, log_deleted]
"""The open file is still whole, whatever its name is now."""


@pytest.mark.parametrize("happen", WHOLE)
def test_what_was_recorded_is_saved_whole(path: Path, other: Path, writer: Writer, happen: Callable[..., None]) -> None:
    happen(path, other)
    with pytest.raises(StoreError, match="while it was being written") as raised:
        writer.commit_field(1, varied_field(3), {"frames": 4})
    saved = next(path.parent.glob("records.db.rescued-*"))
    assert str(saved) in raised.value.message
    with Reader(saved) as reader:
        assert reader.totals(1).fields >= 3
    assert check(saved).steps[0].good


@pytest.mark.parametrize("happen", [copied_over, cut_short, emptied])
def test_a_file_that_was_written_over_is_never_shown_as_good(
    path: Path, other: Path, writer: Writer, happen: Callable[..., None]
) -> None:
    happen(path, other)
    with pytest.raises(StoreError):
        writer.commit_field(1, varied_field(3), {"frames": 4})
    assert list(path.parent.glob("records.db.rescued-*"))


def test_where_the_folder_is_gone_it_is_saved_in_the_default_one(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    path = tmp_path / "slides" / "records.db"
    path.parent.mkdir()
    writer = open_writer(path)
    writer.start_session(session_start())
    writer.commit_field(1, varied_field(0), {})
    folder_removed(path, path)
    with pytest.raises(StoreError, match="deleted or renamed"):
        writer.commit_field(1, varied_field(1), {})
    saved = next((tmp_path / "home" / "hemato-edge").glob("records.db.rescued-*"))
    with Reader(saved) as reader:
        assert reader.totals(1).fields >= 1


def test_reading_and_copying_by_others_is_no_fault(path: Path, other: Path, writer: Writer) -> None:
    with Reader(path) as reader:
        assert reader.totals(1).fields == 3
    shutil.copy(path, path.with_name("copy.db"))
    for i in range(3, 400):  # past SQLite's own checkpoints
        writer.commit_field(1, varied_field(i), {"frames": i + 1})
    assert writer.end_session(1, "finished", NOON).fields == 400


def test_a_checkpoint_by_another_connection_is_no_fault(path: Path, other: Path, writer: Writer) -> None:
    import sqlite3

    with sqlite3.connect(path) as foreign:
        foreign.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    foreign.close()
    assert writer.commit_field(1, varied_field(3), {"frames": 4}).fields == 4
