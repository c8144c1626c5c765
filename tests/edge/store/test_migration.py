"""A database of the first layout: read as it is, migrated by the first writer, after a copy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from recorded import NOON, field_result, record, session_start

from hemato_edge.errors import StoreError
from hemato_edge.store import schema
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer

LAYOUT = (Path(__file__).parent / "layout_v1.sql").read_text()
LABELS = ["neutrophil", "neutrophil", "lymphocyte", "unclassified"]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of version 1 with one session of `LABELS`."""
    new, path = tmp_path / "new.db", tmp_path / "old.db"
    record(new, LABELS)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            f"PRAGMA application_id = {schema.APPLICATION_ID}; PRAGMA user_version = 1;"
            f"PRAGMA journal_mode = WAL; {LAYOUT}"
        )
        connection.execute("ATTACH ? AS source", (str(new),))
        for table in ("sessions", "fields", "cells", "tallies"):
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}")  # noqa: S608
        connection.commit()
    return path


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_an_old_database_is_read_without_being_touched(old: Path) -> None:
    before = old.read_bytes()
    with Reader(old) as reader:
        assert reader.totals(1).labels == {"neutrophil": 2, "lymphocyte": 1, "unclassified": 1}
        assert reader.session(1).confusion is None
        assert [cell.name for cell in reader.cells(1)] == LABELS
        assert reader.portrait(1, 0, 0) is None
        assert reader.relabels(1) == []
    assert old.read_bytes() == before


def test_a_writer_migrates_it_and_keeps_a_copy(old: Path) -> None:
    with Reader(old) as reader:
        totals = reader.totals(1)
    with open_writer(old) as writer:
        writer.relabel(1, 0, 0, "eosinophil", "Ada", NOON)
    assert version(old) == schema.SCHEMA_VERSION
    with Reader(old) as reader:
        assert reader.totals(1).labels == {"neutrophil": 1, "eosinophil": 1, "lymphocyte": 1, "unclassified": 1}
    backup = old.with_name("old.db.v1-backup")
    assert version(backup) == 1
    with Reader(backup) as reader:
        assert reader.totals(1) == totals


def test_a_migrated_layout_is_that_of_a_new_database(old: Path, tmp_path: Path) -> None:
    open_writer(old).close()

    def columns(path: Path) -> dict[str, list[tuple[object, ...]]]:
        with closing(sqlite3.connect(path)) as connection:
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {t: sorted(row[1:4] for row in connection.execute(f"PRAGMA table_info({t})")) for t in tables}

    assert columns(old) == columns(tmp_path / "new.db")


def test_a_second_start_makes_no_second_copy(old: Path) -> None:
    for _ in range(2):
        open_writer(old).close()
    assert sorted(path.name for path in old.parent.glob("old.db.v1*")) == ["old.db.v1-backup"]


def test_an_earlier_copy_is_never_written_over(old: Path) -> None:
    earlier = old.with_name("old.db.v1-backup")
    earlier.write_bytes(b"precious")
    open_writer(old).close()
    assert earlier.read_bytes() == b"precious"
    assert version(old.with_name("old.db.v1-backup-2")) == 1


def test_when_the_copy_cannot_be_made_nothing_is_changed(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = old.read_bytes()

    def full(path: Path, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(StoreError, match="full disk"):
        open_writer(old)
    assert version(old) == 1
    assert old.read_bytes() == before


def test_a_migrated_database_goes_on_counting(old: Path) -> None:
    with open_writer(old) as writer:
        session = writer.start_session(session_start(confusion=((1, 0), (0, 1))))
        assert writer.commit_field(session, field_result(0, ("monocyte",)), {}).labels == {"monocyte": 1}
    with Reader(old) as reader:
        assert reader.session(session).confusion == ((1, 0), (0, 1))
