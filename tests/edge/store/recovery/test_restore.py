"""A copy is put back: verified first, the database before kept, and finished where it was cut off."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from recorded import NOON, session_start, varied_field, varied_tallies

from hemato_edge.errors import StoreError
from hemato_edge.store import heads
from hemato_edge.store.file.backup import back_up
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.recovery.restore import restore
from hemato_edge.store.writer import open_writer

KILLED = str(Path(__file__).with_name("killed_at_step.py"))


def write(path: Path, label: str, fields: int = 4, *, end: bool = True) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start(label=label))
        for i in range(fields):
            writer.commit_field(session, varied_field(i), varied_tallies(i + 1))
        if end:
            writer.end_session(session, "finished", NOON)


def labels(path: Path) -> list[str]:
    with Reader(path) as reader:
        return [session.label for session in reader.sessions()]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def make(folder: Path) -> tuple[Path, Path]:
    """A database with two sessions, and a copy of it from when it had one."""
    path = folder / "x.db"
    write(path, "old")
    copy = back_up(path, folder / "copy")
    write(path, "new")
    return path, copy


def test_the_copy_is_there_and_what_was_there_is_kept(place: Path) -> None:
    path, copy = make(place)
    kept = restore(copy, path)
    assert kept == place / "x.db.replaced"
    assert (labels(path), labels(kept), labels(copy)) == (["old"], ["old", "new"], ["old"])
    assert check(path).good
    assert [one.kept for one in heads.restorations(path)] == [str(kept)]
    write(path, "after")
    result = check(path)
    assert labels(path) == ["old", "after"]
    assert result.good, [step.found for step in result.steps]


def test_what_is_taken_away_after_a_restoration_is_still_noticed(place: Path) -> None:
    path, copy = make(place)
    restore(copy, path)
    write(path, "after")
    shutil.copy(copy, path)
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    assert any("session 2 was removed" in found for step in check(path).steps for found in step.found)


def test_a_log_beside_the_old_database_goes_aside_with_it(place: Path, tmp_path: Path) -> None:
    path, copy = make(place)
    with open_writer(path) as writer:
        session = writer.start_session(session_start(label="in the log"))
        writer.commit_field(session, varied_field(0), varied_tallies(1))
        dead = tmp_path / "dead"
        dead.mkdir()
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", dead / f"x.db{end}")
    dead_path = dead / "x.db"
    kept = restore(copy, dead_path)
    assert kept is not None
    assert labels(dead_path) == ["old"]
    assert labels(kept) == ["old", "new", "in the log"]


def test_each_restoration_keeps_what_was_there(place: Path) -> None:
    path, copy = make(place)
    assert [restore(copy, path), restore(copy, path)] == [place / "x.db.replaced", place / "x.db.replaced-2"]


def test_where_there_was_none_the_copy_is_the_database(place: Path) -> None:
    path, copy = make(place)
    other = place / "elsewhere.db"
    assert restore(copy, other) is None
    assert labels(other) == ["old"]
    assert labels(path) == ["old", "new"]


def test_a_damaged_database_is_replaced(place: Path) -> None:
    path, copy = make(place)
    path.write_bytes(b"\xa5" * 9000)
    kept = restore(copy, path)
    assert labels(path) == ["old"]
    assert kept is not None
    assert kept.read_bytes() == b"\xa5" * 9000


@pytest.mark.parametrize("what", ["damaged", "foreign", "missing", "the database itself"])
def test_a_copy_that_will_not_do_is_refused_and_nothing_is_changed(place: Path, what: str) -> None:
    path, copy = make(place)
    if what == "damaged":
        content = bytearray(copy.read_bytes())
        content[4096 * 2 : 4096 * 4] = os.urandom(4096 * 2)
        copy.write_bytes(content)
    elif what == "foreign":
        copy.write_text("notes")
    elif what == "missing":
        copy.unlink()
    else:
        copy = path
    before = sorted(one.name for one in place.iterdir())
    with pytest.raises(StoreError):
        restore(copy, path)
    assert labels(path) == ["old", "new"]
    assert {one.name for one in place.iterdir()} - {"x.db.lock", "x.db-wal", "x.db-shm"} <= set(before)
    assert not heads.restorations(path)


def test_a_database_in_use_is_left_alone(place: Path) -> None:
    path, copy = make(place)
    with open_writer(path), pytest.raises(StoreError, match="is being written"):
        restore(copy, path)
    assert labels(path) == ["old", "new"]


@pytest.mark.parametrize("finisher", ["restore", "writer"])
def test_killed_at_each_step(place: Path, tmp_path: Path, finisher: str) -> None:
    first, copy = make(place)

    def killed_at(path: Path, step: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, KILLED, "hemato_edge.store.recovery.restore", "restore", str(step), str(copy), str(path)],
            capture_output=True, text=True, env=os.environ, check=False,
        )  # fmt: skip

    step, ended = 0, -signal.SIGKILL
    while ended == -signal.SIGKILL:
        folder = tmp_path / f"step{step}"
        folder.mkdir()
        path = folder / "x.db"
        shutil.copy(first, path)
        ended = killed_at(path, step).returncode
        if finisher == "writer":
            open_writer(path).close()
            assert labels(path) in (["old"], ["old", "new"])
        else:
            restore(copy, path)
            assert labels(path) == ["old"]
        assert check(path).good
        kept = [one for one in folder.glob("x.db.replaced*") if not one.name.endswith(("-wal", "-shm"))]
        assert ["old", "new"] in [labels(one) for one in (*kept, path)], f"killed at step {step}"
        assert not list(folder.glob("*.restored"))
        step += 1
    assert ended == 0
    assert step > 5
