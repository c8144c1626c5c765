"""A power cut tears the write-ahead log: wherever it is cut, all earlier fields are there and the file opens."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from recorded import field_result, session_start, varied_field, varied_tallies

from hemato_edge.store.file.connect import log_path
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.recovery.sqlite_pages import open_pages
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = 5
FRAME = 24 + 4096
"""Bytes of one frame of the log: its header and a page (https://www.sqlite.org/fileformat2.html, 4.1)."""


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, int]:
    """A database as a power cut leaves it: the file, the log after the last field, and its size before that."""
    folder = tmp_path_factory.mktemp("torn")
    path = folder / "live.db"
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        for index in range(FIELDS - 1):
            writer.commit_field(session, varied_field(index), varied_tallies(index + 1))
        before = log_path(path).stat().st_size
        writer.commit_field(session, field_result(FIELDS, ["monocyte"]), varied_tallies(FIELDS))
        log = log_path(path).read_bytes()
        copy = folder / "cut.db"
        shutil.copy(path, copy)
    return copy, log, before


def fields_after_cut(path: Path, log: bytes, size: int) -> int:
    """How many fields a database has whose log was cut to that size; it must be whole."""
    log_path(path).write_bytes(log[:size])
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    with Reader(path) as reader:
        return reader.totals(1).fields


def test_cut_at_every_byte_of_the_last_frame(torn: tuple[Path, bytes, int]) -> None:
    path, log, _ = torn
    assert (len(log) - 32) % FRAME == 0
    kept = {size: fields_after_cut(path, log, size) for size in range(len(log) - FRAME, len(log))}
    assert set(kept.values()) == {FIELDS - 1}  # nothing of the torn field, all of the others
    assert fields_after_cut(path, log, len(log)) == FIELDS


def test_cut_at_every_frame_of_the_last_field_leaves_a_whole_database(torn: tuple[Path, bytes, int]) -> None:
    path, log, before = torn
    assert before < len(log) - FRAME  # the last field has several frames
    for size in range(before, len(log) + 1, FRAME // 2):
        count = fields_after_cut(path, log, size)
        assert count == (FIELDS if size == len(log) else FIELDS - 1)
        assert check(path).good


def test_a_torn_log_is_written_on(torn: tuple[Path, bytes, int], tmp_path: Path) -> None:
    path = tmp_path / "on.db"
    shutil.copy(torn[0], path)
    log_path(path).write_bytes(torn[1][: len(torn[1]) - 1000])
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        assert writer.commit_field(session, varied_field(1), {}).fields == 1
    with Reader(path) as reader:
        assert [reader.totals(number).fields for number in (1, 2)] == [FIELDS - 1, 1]
    assert check(path).good


@pytest.mark.parametrize("flipped", [10, 24 + 100, FRAME - 1])
def test_a_flipped_byte_in_the_last_frame_is_a_cut(torn: tuple[Path, bytes, int], tmp_path: Path, flipped: int) -> None:
    path = tmp_path / "flipped.db"
    shutil.copy(torn[0], path)
    log = bytearray(torn[1])
    log[len(log) - FRAME + flipped] ^= 0x40
    assert fields_after_cut(path, bytes(log), len(log)) == FIELDS - 1


def test_our_own_reading_of_the_log_agrees_with_sqlite(torn: tuple[Path, bytes, int]) -> None:
    path, log, before = torn
    for size in (before, before + FRAME, len(log) - FRAME - 7, len(log) - 1, len(log)):
        log_path(path).write_bytes(log[:size])
        with open_pages(path) as pages:
            shape = [r for r in pages.records() if r.row is None and len(r.values) == 23]  # of the table of fields
        assert len(shape) == fields_after_cut(path, log, size)
        assert os.path.getsize(path) % 4096 == 0  # noqa: PTH202
