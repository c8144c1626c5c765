"""A copy is whole and verified, made while somebody writes, and never over a file that is there."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from recorded import record, session_start, varied_field, varied_tallies
from waiting import DEADLINE_S

from hemato_edge.errors import StoreError
from hemato_edge.store.file import backup, connect
from hemato_edge.store.file.backup import back_up
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "records.db"
    record(made, ["neutrophil", "monocyte"], pictures=True)
    return made


def test_a_copy_holds_everything(path: Path, tmp_path: Path) -> None:
    copy = back_up(path, tmp_path / "copy.db")
    assert check(copy).good
    assert check(copy).chains[0].head == check(path).chains[0].head
    with Reader(path) as one, Reader(copy) as two:
        assert one.totals(1) == two.totals(1)
        assert one.portrait(1, 0, 0) == two.portrait(1, 0, 0)
    with open_writer(copy) as writer:
        assert writer.start_session(session_start()) == 2


def test_without_a_name_it_lies_beside_with_the_time(path: Path) -> None:
    copy = back_up(path)
    assert copy.parent == path.parent
    assert copy.name.startswith("records.db.2")
    assert copy.name.endswith("Z-backup")


def test_a_copy_is_made_while_a_writer_writes(path: Path, tmp_path: Path) -> None:
    stop, begun = threading.Event(), threading.Event()
    with open_writer(path) as writer:
        session = writer.start_session(session_start())

        def write() -> None:
            index = 0
            while not stop.is_set():
                writer.commit_field(session, varied_field(index), varied_tallies(index + 1))
                index += 1
                begun.set()

        thread = threading.Thread(target=write)
        thread.start()
        try:
            assert begun.wait(DEADLINE_S)
            copies = [back_up(path, tmp_path / f"copy{i}.db") for i in range(3)]
        finally:
            stop.set()
            thread.join()
    for copy in copies:
        assert check(copy).good
    with Reader(copies[0]) as reader:
        assert reader.totals(session).fields >= 1


def test_what_is_there_is_never_written_over(path: Path, tmp_path: Path) -> None:
    there = tmp_path / "precious"
    there.write_bytes(b"precious")
    with pytest.raises(StoreError, match="is there already"):
        back_up(path, there)
    with pytest.raises(StoreError, match="is there already"):
        back_up(path, path)
    assert there.read_bytes() == b"precious"


def test_a_damaged_database_is_not_copied(path: Path, tmp_path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[2 * 4096 : 4 * 4096] = b"\xa5" * 8192
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        back_up(path, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy.db*"))


def test_a_copy_that_does_not_pass_its_check_is_not_left_behind(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(connection: sqlite3.Connection, where: Path) -> None:
        raise StoreError(f"The database {where} is damaged.")

    monkeypatch.setattr(connect, "quick_check", damaged)
    with pytest.raises(StoreError, match="damaged"):
        back_up(path, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy.db*"))


@pytest.mark.parametrize("there", ["nothing", "another"])
def test_only_a_database_of_ours_is_copied(tmp_path: Path, there: str) -> None:
    path = tmp_path / "file.db"
    if there == "another":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(StoreError):
        back_up(path)
    assert [one.name for one in tmp_path.iterdir()] == (["file.db"] if there == "another" else [])


def test_large_files_are_copied_in_steps(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "_PAGES_A_STEP", 1)
    assert check(back_up(path, tmp_path / "copy.db")).good
