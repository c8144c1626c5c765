"""Only its owner reads a database, its log, its lock and its copies, unless a group is allowed to."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from recorded import record, session_start

from hemato_edge.errors import StoreError
from hemato_edge.store.file.backup import back_up
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _open_handed() -> object:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_database_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    with open_writer(path) as writer:
        writer.start_session(session_start())
        beside = {found.name: mode(found) for found in tmp_path.iterdir()}
    assert set(beside) >= {"records.db", "records.db-wal", "records.db.lock"}
    assert set(beside.values()) == {0o600}
    assert mode(back_up(path)) == 0o600


def test_an_older_one_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    record(path, ["neutrophil"])
    path.chmod(0o666)
    open_writer(path).close()
    assert mode(path) == 0o600


def test_a_group_may_read_where_it_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    record(path, ["neutrophil"])
    with open_writer(path, group_readable=True):
        assert mode(path) == 0o640
        assert mode(tmp_path / "records.db-wal") == 0o640


def test_the_default_folder_is_its_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hemato_edge.store.file.location import default_database

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    open_writer(default_database()).close()
    assert mode(tmp_path / "hemato-edge") == 0o700


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (tmp_path / "records.db.lock").symlink_to(precious)
    with pytest.raises(StoreError, match="symbolic link"):
        open_writer(tmp_path / "records.db")
    assert precious.read_text() == "kept"
