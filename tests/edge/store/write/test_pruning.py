"""Pictures are removed from a disk without a free byte, and their room is given back to it; no count goes with them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, field_result, session_start, with_portraits
from waiting import DEADLINE_S

from hemato_edge.store.file.reserve import reserve_path
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.write import allowance
from hemato_edge.store.write.allowance import A_DAY_S
from hemato_edge.store.write.pruning import Pruned
from hemato_edge.store.write.retention import Retention
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CELLS, FIELDS = 50, 12


@pytest.fixture(params=["tmpfs", "ext4"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A real file system of 40 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    place = ["-t", "tmpfs", "-o", "size=40000000", "tmpfs"]
    if request.param == "ext4":
        place = ["-o", "loop", str(tmp_path / "card.img")]
        if shutil.which("mkfs.ext4") is None:
            pytest.skip("there is no mkfs.ext4")
        with (tmp_path / "card.img").open("wb") as stream:
            stream.truncate(40_000_000)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(tmp_path / "card.img")], check=True)
    if os.geteuid() != 0 or subprocess.run(["mount", *place, str(folder)], capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here (it needs root)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Another program takes every byte that is left."""
    with suppress(OSError), (folder / "other").open("wb", buffering=0) as stream:
        for size in (1_000_000, 4096, 1):
            with suppress(OSError):
                while True:
                    stream.write(bytes(size))
                    os.fsync(stream.fileno())
    assert shutil.disk_usage(folder).free < 4096


def recorded(path: Path, reserve_mb: int) -> int:
    """A session with some 5 MB of pictures."""
    with open_writer(path, reserve_mb=reserve_mb) as writer:
        session = writer.start_session(session_start())
        for index in range(FIELDS):
            writer.commit_field(session, with_portraits(field_result(index, ["monocyte"] * CELLS, rbc=7)), {})
        writer.end_session(session, "finished", NOON)
    return session


def prune(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hemato_edge.cli.main", "review", "prune", "--db", str(path), *options],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


def test_on_a_disk_without_a_free_byte_pictures_go_and_their_room_is_free(small_disk: Path) -> None:
    path = small_disk / "records.db"
    session = recorded(path, reserve_mb=10)
    with Reader(path) as reader:
        totals = reader.totals(session)
    before = path.stat().st_size
    assert reserve_path(path).stat().st_blocks * 512 >= 4_000_000
    fill(small_disk)
    done = prune(path)
    assert (done.returncode, done.stdout) == (0, f"{CELLS * FIELDS} pictures removed.\n"), done.stderr
    assert not reserve_path(path).exists()
    gone = before - path.stat().st_size
    assert gone > 2_000_000
    assert shutil.disk_usage(small_disk).free > gone
    assert check(path).good
    with open_writer(path, reserve_mb=1) as writer:  # a count finds room again, and keeps some for the next time
        assert writer.start_session(session_start()) == session + 1
        assert writer.commit_field(session + 1, field_result(0, ["monocyte"]), {}).wbc == 1
    assert reserve_path(path).exists()
    with Reader(path) as reader:
        assert reader.totals(session) == totals


def test_without_the_reserved_room_a_full_disk_is_told_and_nothing_is_lost(small_disk: Path) -> None:
    path = small_disk / "records.db"
    session = recorded(path, reserve_mb=0)
    assert not reserve_path(path).exists()
    with Reader(path) as reader:
        totals = reader.totals(session)
    fill(small_disk)
    done = prune(path)
    if done.returncode != 0:  # a file system may have some bytes aside
        assert done.returncode == 5
        assert "Free some space" in done.stderr
        assert "Traceback" not in done.stderr
    (small_disk / "other").unlink()
    assert prune(path).returncode == 0
    assert check(path).good
    with Reader(path) as reader:
        assert reader.totals(session) == totals


def test_no_room_is_reserved_where_too_little_would_be_left(small_disk: Path) -> None:
    path = small_disk / "records.db"
    open_writer(path, reserve_mb=38).close()
    assert not reserve_path(path).exists()
    open_writer(path, reserve_mb=10).close()
    assert reserve_path(path).exists()


def test_a_file_of_an_older_version_keeps_its_size_and_uses_its_room_again(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    session = recorded(path, reserve_mb=0)
    subprocess.run(["sqlite3", path, "PRAGMA auto_vacuum = NONE; VACUUM"], check=True)
    before = path.stat().st_size
    with open_writer(path) as writer:
        assert writer.prune_portraits(session) == Pruned(CELLS * FIELDS)
    assert path.stat().st_size == before
    recorded(path, reserve_mb=0)
    assert path.stat().st_size < before + 400_000  # the counts of the second session, and none of its pictures
    assert check(path).good


def test_a_clock_that_jumped_takes_a_tenth_a_day_at_a_persons_word_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`review prune --by-settings`: by age as little as a run takes, however often it is typed; by space all."""
    path, on_s, kept = tmp_path / "records.db", 1000.0, Retention(max_age_days=365)
    monkeypatch.setattr(allowance, "since_boot_s", lambda: on_s)
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        result = with_portraits(field_result(0, ["monocyte"] * CELLS))
        writer.commit_field(session, replace(result, utc=result.utc - timedelta(days=400)), {})
        assert [writer.prune_by(kept) for _ in range(3)] == [Pruned(0, waiting=CELLS)] * 3
        on_s += A_DAY_S
        assert writer.prune_by(kept) == Pruned(5, waiting=CELLS - 5)
        assert writer.prune_by(kept) == Pruned(0, waiting=CELLS - 5)
    on_s += 9 * A_DAY_S  # however long the device was on in between
    with open_writer(path) as writer:
        assert writer.prune_by(kept) == Pruned(4, waiting=CELLS - 9)
        monkeypatch.setattr(allowance, "boot_id", lambda: "another boot")
        on_s = 50 * A_DAY_S  # after a new boot only what it has been on since
        assert writer.prune_by(kept) == Pruned(0, waiting=CELLS - 9)
        assert writer.prune_by(Retention(max_mb=0.001, max_age_days=365)) == Pruned(CELLS - 9)
    with Reader(path) as reader:
        assert reader.totals(session).wbc == CELLS
    assert check(path).good


def test_the_command_says_what_age_leaves_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "records.db"
    recorded(path, reserve_mb=0)
    monkeypatch.setenv("HEMATO_EDGE_PORTRAITS__MAX_AGE_DAYS", "0.001")
    monkeypatch.setenv("HEMATO_EDGE_PORTRAITS__MIN_PER_CLASS", "0")
    done = prune(path, "--by-settings")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"0 pictures removed. {CELLS * FIELDS} more are too old by the clock")
