"""A file that is no good is refused with what to do, and left as it is."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recorded import field_result, record, session_start

from hemato_edge.errors import StoreError
from hemato_edge.store.file import connect, errors
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.repair import repair
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from collections.abc import Callable


def text_file(path: Path) -> None:
    path.write_text("a,b\n1,2\n" * 2000)


def foreign_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")


def newer_database(path: Path) -> None:
    record(path, ["neutrophil"])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {connect.SCHEMA_VERSION + 1}")


def empty_file(path: Path) -> None:
    path.touch()


def cut_short(path: Path) -> None:
    record(path, ["neutrophil"] * 40)
    os.truncate(path, path.stat().st_size - 4096)


def overwritten_page(path: Path) -> None:
    record(path, ["neutrophil"] * 400)
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xa5" * 4096
    path.write_bytes(content)


def every_other_page_overwritten(path: Path) -> None:
    record(path, ["neutrophil"] * 400)
    content = bytearray(path.read_bytes())
    for start in range(3 * 4096, len(content), 2 * 4096):
        content[start : start + 4096] = b"\xa5" * 4096
    path.write_bytes(content)


BAD_FILES = [
    (text_file, "is not a SQLite database"),
    (foreign_database, "not one of hemato-edge"),
    (newer_database, f"schema version {connect.SCHEMA_VERSION + 1}"),
    (empty_file, "is empty"),
    (cut_short, "is damaged"),
    (overwritten_page, "is damaged"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD_FILES)
def test_a_bad_file_is_refused_and_left_untouched(tmp_path: Path, spoil: Callable[[Path], None], message: str) -> None:
    path = tmp_path / "records.db"
    spoil(path)
    before, files = path.read_bytes(), {p.name for p in tmp_path.iterdir()}
    with pytest.raises(StoreError, match=message) as caught:
        open_writer(path)
    assert str(path) in caught.value.message
    assert caught.value.fix
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} - files <= {"records.db.lock"}


@pytest.mark.parametrize(("spoil", "message"), BAD_FILES[:4])
def test_a_reader_refuses_them_too(tmp_path: Path, spoil: Callable[[Path], None], message: str) -> None:
    path = tmp_path / "records.db"
    spoil(path)
    with pytest.raises(StoreError, match=message):
        Reader(path)


@pytest.mark.parametrize("spoil", [cut_short, every_other_page_overwritten])
def test_a_reader_that_meets_the_damage_says_so(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path = tmp_path / "records.db"
    spoil(path)
    with pytest.raises(StoreError, match="is damaged"), Reader(path) as reader:  # noqa: PT012 - wherever it is met
        for record in reader.sessions():
            reader.totals(record.id)
            list(reader.fields(record.id))
            list(reader.cells(record.id))


@pytest.mark.parametrize("opener", [open_writer, Reader])
def test_a_folder_is_not_a_database(tmp_path: Path, opener: Callable[[Path], object]) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        opener(tmp_path)


@pytest.mark.parametrize("opener", [open_writer, Reader])
def test_a_missing_folder_is_told_and_not_made(tmp_path: Path, opener: Callable[[Path], object]) -> None:
    with pytest.raises(StoreError, match="a folder that does not exist"):
        opener(tmp_path / "no" / "records.db")
    assert not (tmp_path / "no").exists()


def test_a_device_is_not_a_database() -> None:
    with pytest.raises(StoreError, match="not a regular file"):
        open_writer(Path("/dev/null"))


def test_a_file_as_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="a folder that does not exist"):
        open_writer(tmp_path / "file" / "records.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(StoreError, match="permission denied"):
        open_writer(tmp_path / "records.db")


def test_a_log_without_its_database_is_not_mixed_with_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    log = tmp_path / "records.db-wal"
    log.write_bytes(b"the last fields of a lost database")
    with pytest.raises(StoreError, match="write-ahead log"):
        open_writer(path)
    assert not path.exists()
    assert log.read_bytes() == b"the last fields of a lost database"


def test_an_empty_log_of_a_removed_database_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    record(path, ["neutrophil"])
    with Reader(path) as reader:
        reader.sessions()
    path.unlink()  # the reader leaves an empty log beside it
    open_writer(path).close()


def test_a_creation_that_was_killed_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "records.db.creating").write_bytes(b"half")
    with open_writer(tmp_path / "records.db") as writer:
        assert writer.start_session(session_start()) == 1
    assert not (tmp_path / "records.db.creating").exists()


def test_a_database_held_by_another_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "records.db"
    with open_writer(path) as writer, closing(sqlite3.connect(path, isolation_level=None)) as other:
        session = writer.start_session(session_start())
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another program"):
            writer.commit_field(session, field_result(0), {})
        other.execute("ROLLBACK")
        assert writer.commit_field(session, field_result(0), {}).fields == 1


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device"), "full disk"),
        (OSError(30, "Read-only file system"), "read-only"),
        (OSError(5, "Input/output error"), "input/output error"),
        (OSError(99, "Something new"), "Something new"),
        (sqlite3.OperationalError("disk I/O error"), "input/output error"),
        (sqlite3.OperationalError("something new"), "something new"),
    ],
)
def test_faults_become_a_line_with_a_next_step(error: OSError | sqlite3.Error, message: str) -> None:
    translated = errors.store_error(error, Path("/x.db"))
    assert message in translated.message
    assert translated.fix
    assert translated.exit_code == 5


@pytest.mark.parametrize(
    ("column", "value"), [("started_utc", "2026-93-01T12:00:00+00:00"), ("settings", "{"), ("classifier_labels", "7")]
)
def test_a_row_that_nobody_wrote_is_damage(tmp_path: Path, column: str, value: str) -> None:
    path = tmp_path / "records.db"
    record(path, ["neutrophil"])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE sessions SET {column} = ?", (value,))  # noqa: S608 -- a fixed name
        connection.commit()
    with Reader(path) as reader:
        with pytest.raises(StoreError, match="is damaged"):
            reader.session()
        with pytest.raises(StoreError, match="is damaged"):
            reader.sessions()


def read_all(path: Path) -> None:
    with Reader(path) as reader:
        for session in reader.sessions():
            reader.totals(session.id)
            list(reader.fields(session.id))
            list(reader.cells(session.id))


@pytest.mark.parametrize("letter", [b"\x80", b"\0", b"x"])
@pytest.mark.parametrize(
    "name", ["TABLE fields", "quality", "TABLE cells", "probabilities", "frame_index", "new_platelet"]
)
def test_a_damaged_name_in_the_schema_is_told_and_repaired(tmp_path: Path, name: str, letter: bytes) -> None:
    """SQLite's own checks do not see it, and its errors name no damage: some cannot even be decoded."""
    path = tmp_path / "x.db"
    record(path, ["neutrophil"] * 3, pictures=True)
    whole = name.encode()
    content = path.read_bytes().replace(whole, whole[:-2] + letter + whole[-1:])  # free room may hold it as well
    path.write_bytes(content)
    for reads in (read_all, open_writer):
        with pytest.raises(StoreError, match="damaged|not a SQLite database"):
            reads(path)
    assert path.read_bytes() == content
    done = repair(path)
    assert done is not None
    assert (done.salvaged.saved["fields"], done.salvaged.saved["cells"]) == (2, 3)
    read_all(path)
