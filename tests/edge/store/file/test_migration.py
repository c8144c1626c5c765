"""A database of an older layout: read as it is, migrated by the first writer, after a copy, and sealed from then on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from old_databases import make_old
from recorded import NOON, field_result, session_start

from hemato_edge.errors import StoreError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.morphology import Attribute
from hemato_edge.store import chain
from hemato_edge.store.file import connect
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import open_writer

LABELS = ["neutrophil", "neutrophil", "lymphocyte", "unclassified"]

EVEN = tuple(tuple(int(i == j) for j in range(len(CLASSIFIER_LABELS))) for i in range(len(CLASSIFIER_LABELS)))


@pytest.fixture(params=[1, 2])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database of an older version with one session of `LABELS`."""
    path = tmp_path / "old.db"
    make_old(path, request.param, LABELS)
    return path


@pytest.fixture
def unworded(tmp_path: Path) -> Path:
    """A database of version 3, with its chain, from before cells had attributes."""
    path = tmp_path / "v3.db"
    make_old(path, 3, LABELS)
    return path


def test_a_database_without_attributes_is_read_and_checked_as_it_is(unworded: Path) -> None:
    before = unworded.read_bytes()
    with Reader(unworded) as reader:
        assert [cell.attributes for cell in reader.cells(1)] == [()] * len(LABELS)
        assert reader.attributes(1) == {}
    result = check(unworded)
    assert (result.good, [one.begun for one in result.chains]) == (True, ["start"])
    assert unworded.read_bytes() == before


def test_a_chain_goes_on_after_attributes_came(unworded: Path) -> None:
    with open_writer(unworded) as writer:
        writer.relabel(1, 0, 0, "eosinophil", "Ada", NOON)
        session = writer.start_session(session_start())
        result = field_result(0, ("monocyte",))
        shape = (Attribute("nucleus_shape", "unsegmented-indented", 0.97), Attribute("cell_size", "big", 0.4))
        judged = replace(result.new_cells[0].judgement, attributes=shape)
        writer.commit_field(session, replace(result, new_cells=(replace(result.new_cells[0], judgement=judged),)), {})
    assert check(unworded).good
    assert [one.begun for one in check(unworded).chains] == ["start", "start"]
    with Reader(unworded) as reader:
        assert next(iter(reader.cells(session))).attributes == shape[:1]  # only what the model was sure of
        assert reader.attributes(session) == {"monocyte": {"nucleus_shape": {"unsegmented-indented": 1}}}
    for text in ("NULL", '\'{"nucleus_shape":["irregular",0.97]}\''):
        edited = unworded.with_name("edited.db")
        copy_database_file(unworded, edited)
        with closing(sqlite3.connect(edited)) as connection:
            connection.execute(f"UPDATE cells SET attributes = {text} WHERE session = {session}")  # noqa: S608
            connection.commit()
        assert any("was edited" in what for step in check(edited).steps for what in step.found)


def copy_database_file(path: Path, target: Path) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def backup_of(path: Path, more: str = "") -> Path:
    """Where its copy is, by the version that it had."""
    return next(path.parent.glob(f"{path.name}.v?-backup{more}"))


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_an_old_database_is_read_without_being_touched(old: Path) -> None:
    before = old.read_bytes()
    with Reader(old) as reader:
        assert reader.totals(1).labels == {"neutrophil": 2, "lymphocyte": 1, "unclassified": 1}
        assert reader.session(1).confusion is None
        assert [cell.name for cell in reader.cells(1)] == LABELS
        assert (reader.portrait(1, 0, 0) is None) == (version(old) == 1)
        assert reader.relabels(1) == []
        assert list(reader.counted(1)) == list(reader.cells(1))
        assert reader.last_link(1) is None
    assert old.read_bytes() == before


def test_a_writer_migrates_it_and_keeps_a_copy(old: Path) -> None:
    with Reader(old) as reader:
        totals = reader.totals(1)
    with open_writer(old) as writer:
        writer.relabel(1, 0, 0, "eosinophil", "Ada", NOON)
    assert version(old) == connect.SCHEMA_VERSION
    with Reader(old) as reader:
        assert reader.totals(1).labels == {"neutrophil": 1, "eosinophil": 1, "lymphocyte": 1, "unclassified": 1}
    backup = backup_of(old)
    assert f"v{version(backup)}-backup" in backup.name
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
    assert len(list(old.parent.glob("old.db.v*"))) == 1


def test_an_earlier_copy_is_never_written_over(old: Path) -> None:
    before = version(old)
    earlier = old.with_name(f"old.db.v{before}-backup")
    earlier.write_bytes(b"precious")
    open_writer(old).close()
    assert earlier.read_bytes() == b"precious"
    assert version(old.with_name(f"old.db.v{before}-backup-2")) == before


def test_when_the_copy_cannot_be_made_nothing_is_changed(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, number = old.read_bytes(), version(old)

    def full(path: Path, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(StoreError, match="full disk"):
        open_writer(old)
    assert version(old) == number
    assert old.read_bytes() == before


def test_a_migrated_database_goes_on_counting(old: Path) -> None:
    with open_writer(old) as writer:
        session = writer.start_session(session_start(confusion=EVEN))
        assert writer.commit_field(session, field_result(0, ("monocyte",)), {}).labels == {"monocyte": 1}
    with Reader(old) as reader:
        assert reader.session(session).confusion == EVEN


def test_what_was_recorded_before_is_sealed_by_the_migration(old: Path) -> None:
    assert check(old).good  # as it is: the older checks
    assert check(old).chains == []
    open_writer(old).close()
    result = check(old)
    assert (result.good, [one.begun for one in result.chains]) == (True, ["adopted"])
    with open_writer(old) as writer:
        writer.relabel(1, 1, 0, "basophil", "Ada", NOON)
    assert check(old).good


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE cells SET label = 'monocyte' WHERE field = 0 AND number = 1", "cell 1 of field 0 was edited"),
        ("DELETE FROM cells WHERE field = 1 AND number = 0", "was removed"),
        ("UPDATE fields SET new_rbc = 0 WHERE number = 1", "field 1 was edited"),
        ("UPDATE sessions SET label = 'another'", "its head"),
        ("UPDATE tallies SET count = 7 WHERE name = 'frames'", "tally frames was edited"),
    ],
)
def test_an_edit_after_the_migration_is_named(old: Path, statement: str, named: str) -> None:
    open_writer(old).close()
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute(statement).rowcount == 1
        connection.commit()
    assert any(named in what for step in check(old).steps for what in step.found)


def test_a_migration_that_is_killed_leaves_the_old_database(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number = version(old)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(chain, "seal_all", killed)
    with pytest.raises(KeyboardInterrupt):
        open_writer(old)
    assert version(old) == number
    monkeypatch.undo()
    open_writer(old).close()
    assert check(old).good
