"""A disk that fills up, and one that the kernel makes read-only because it fails: both real, in the middle of a run."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, field_result, portrait, session_start, varied_field, varied_tallies

from hemato_edge.errors import StoreError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.store.file.backup import back_up
from hemato_edge.store.file.connect import connect
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.recovery.repair import repair
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.store.writer import Writer

MANY = list(CLASSIFIER_LABELS) * 100
"""Cells enough that a field takes some 200 kB without pictures."""


def mounted(*arguments: str) -> bool:
    """Whether `mount` did it; it needs root."""
    if os.geteuid() != 0:
        return False
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 28 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if not mounted("-t", "tmpfs", "-o", "size=28000000", "tmpfs", str(folder)):
        pytest.skip("a small file system cannot be mounted here (it needs root)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[Path]:
    """A real ext4 of 24 MB in a file, which the kernel can be told to give up as it does for a failing card."""
    image, folder = tmp_path / "card.img", tmp_path / "card"
    folder.mkdir()
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("there is no mkfs.ext4")
    with image.open("wb") as stream:
        stream.truncate(24_000_000)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    if not mounted("-o", "loop", str(image), str(folder)):
        pytest.skip("an ext4 in a file cannot be mounted here (it needs root and loop devices)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def free_mb(folder: Path) -> float:
    return shutil.disk_usage(folder).free / 1e6


def pictures(path: Path) -> int:
    with closing(connect(path, "ro")) as connection:
        return int(connection.execute("SELECT count(*) FROM portraits").fetchone()[0])


def count_until_it_stops(writer: Writer, session: int, path: Path) -> tuple[list[int], StoreError]:
    """Pictures on disk after each field, and what ended it."""
    seen, plain, picture = [], field_result(0, MANY), portrait()
    full = replace(plain, new_cells=tuple(replace(cell, portrait=picture) for cell in plain.new_cells))
    for index in range(2000):
        try:
            writer.commit_field(session, replace(full, frame_index=index), {"frames": index + 1})
        except StoreError as error:
            return seen, error
        seen.append(pictures(path))
    raise AssertionError("the disk never filled up")


def test_on_a_disk_that_fills_pictures_stop_first_then_counting_in_order(small_disk: Path) -> None:
    path = small_disk / "records.db"
    with open_writer(path, min_free_mb=10, portraits_min_free_mb=14, reserve_mb=8) as writer:
        session = writer.start_session(session_start())
        seen, error = count_until_it_stops(writer, session, path)
        assert "less than 8 MB free" in error.message
        assert error.exit_code == 5
        fields_without_a_picture = sum(before == after for before, after in itertools.pairwise(seen))
        assert 0 < seen[-1] < len(seen) * len(MANY)
        assert fields_without_a_picture > 5  # counting went on
        totals = writer.end_session(session, "interrupted", NOON, error.message)
        with pytest.raises(StoreError, match="less than 8 MB free"):
            writer.start_session(session_start())
    with Reader(path) as reader:
        record = reader.session(session)
        assert (record.state, record.ended_because) == ("interrupted", error.message)
        assert reader.totals(session) == totals
        assert totals.fields == len(seen)
    assert check(path).good


def test_without_a_reserve_the_disk_fills_to_the_last_byte_and_nothing_is_lost(small_disk: Path) -> None:
    path = small_disk / "records.db"
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        seen, error = count_until_it_stops(writer, session, path)
        assert "full disk" in error.message
        assert free_mb(small_disk) < 1
        with pytest.raises(StoreError, match="full disk"):
            writer.commit_field(session, field_result(0, MANY), {})
        with Reader(path) as reader:
            assert reader.totals(session).fields == len(seen)
    with Reader(path) as reader:
        totals = reader.totals(session)
        assert totals.fields == len(seen)
    assert check(path).good
    # the first thing a person does is to make room
    subprocess.run(["mount", "-o", "remount,size=64000000", str(small_disk)], check=True)
    with open_writer(path) as writer:
        assert writer.prune_portraits(session).pictures == seen[-1]
        assert writer.start_session(session_start()) == session + 1
    with Reader(path) as reader:
        assert reader.session(session).state == "interrupted"
        assert reader.totals(session) == totals
    assert check(path).good


def test_a_card_that_the_kernel_makes_read_only_ends_the_run_and_loses_nothing(failing_disk: Path) -> None:
    path = failing_disk / "records.db"
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        for index in range(20):
            shown = writer.commit_field(session, varied_field(index), varied_tallies(index + 1))
        if not mounted("-o", "remount,abort", str(failing_disk)):
            pytest.skip("this kernel cannot be told to give up a file system")
        for _ in range(2):
            with pytest.raises(StoreError, match="read-only|input/output error") as caught:
                writer.commit_field(session, varied_field(20), varied_tallies(21))
            assert caught.value.exit_code == 5
            assert "dmesg" in caught.value.fix
        with Reader(path) as reader:
            assert reader.totals(session) == shown
    with pytest.raises(StoreError, match="read-only|input/output error"):
        open_writer(path)
    with Reader(path) as reader:
        assert reader.totals(session) == shown
        assert reader.session(session).state == "interrupted"


def test_after_the_card_was_mended_all_is_there(failing_disk: Path) -> None:
    path, image = failing_disk / "records.db", failing_disk.with_suffix(".img")
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        shown = writer.commit_field(session, varied_field(3), varied_tallies(1))
        if not mounted("-o", "remount,abort", str(failing_disk)):
            pytest.skip("this kernel cannot be told to give up a file system")
        with pytest.raises(StoreError):
            writer.commit_field(session, varied_field(4), varied_tallies(2))
    subprocess.run(["umount", str(failing_disk)], check=True)
    subprocess.run(["e2fsck", "-p", "-f", str(image)], check=False, capture_output=True)
    assert mounted("-o", "loop", str(image), str(failing_disk))
    with open_writer(path) as writer:
        assert writer.start_session(session_start()) == session + 1
    with Reader(path) as reader:
        assert reader.totals(session) == shown
    assert check(path).good


def test_what_a_killed_run_left_is_read_on_a_disk_that_is_read_only(failing_disk: Path) -> None:
    """A card that is mounted read-only at the next boot: the newest counts lie in the log beside the database."""
    path, live = failing_disk / "records.db", failing_disk.parent / "live.db"
    with open_writer(live) as writer:
        session = writer.start_session(session_start())
        for index in range(20):
            shown = writer.commit_field(session, varied_field(index), varied_tallies(index + 1))
        shutil.copy(live, path)
        shutil.copy(f"{live}-wal", f"{path}-wal")
    before = {file.name: file.read_bytes() for file in failing_disk.glob("records.db*")}
    assert len(before) == 2
    assert mounted("-o", "remount,ro", str(failing_disk))
    with Reader(path) as reader:
        assert reader.totals(session) == shown
        assert len(list(reader.fields(session))) == 20
    assert check(path).good
    with Reader(back_up(path, failing_disk.parent / "copy.db")) as reader:
        assert reader.totals(session) == shown
    with pytest.raises(StoreError, match="read-only"):
        open_writer(path)
    with pytest.raises(StoreError, match="read-only"):
        repair(path)
    assert {file.name: file.read_bytes() for file in failing_disk.glob("records.db*")} == before
    assert mounted("-o", "remount,rw", str(failing_disk))
    open_writer(path).close()
    with Reader(path) as reader:
        assert reader.totals(session) == shown
        assert reader.session(session).state == "interrupted"
