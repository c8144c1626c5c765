"""What can be read of a damaged file is saved into a new one, what is lost is told, and the damaged file is kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded import NOON, portrait, record, session_start, varied_field, varied_tallies, with_portraits

from hemato_edge.errors import StoreError
from hemato_edge.store.file.connect import SCHEMA_VERSION, log_path
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import Totals
from hemato_edge.store.recovery.check import check
from hemato_edge.store.recovery.repair import repair
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = 4096
SESSIONS, FIELDS = 3, 150


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Totals]]:
    """A database of some hundred pages, and its totals."""
    path = tmp_path_factory.mktemp("sound") / "records.db"
    with open_writer(path) as writer:
        for _ in range(SESSIONS):
            session = writer.start_session(session_start())
            for index in range(FIELDS):
                result = varied_field(index)
                dressed = with_portraits(result) if index % 10 == 1 else result
                writer.commit_field(session, dressed, varied_tallies(index + 1))
            writer.end_session(session, "finished", NOON, "150 frames were read")
        writer.relabel(2, 1, 0, "basophil", "Ada", NOON)
    return path.read_bytes(), totals_of(path)


def totals_of(path: Path) -> list[Totals]:
    with Reader(path) as reader:
        return [reader.totals(session.id) for session in reader.sessions()]


def without_header(content: bytes) -> bytes:
    return bytes(100) + content[100:]


def without_first_page(content: bytes) -> bytes:
    return bytes(PAGE) + content[PAGE:]


def with_a_foreign_first_page(content: bytes) -> bytes:
    return b"\xa5" * PAGE + content[PAGE:]


@pytest.mark.parametrize("spoil", [without_header, without_first_page, with_a_foreign_first_page])
def test_without_its_header_nothing_is_lost(
    tmp_path: Path, sound: tuple[bytes, list[Totals]], spoil: Callable[[bytes], bytes]
) -> None:
    path, damaged = tmp_path / "records.db", spoil(sound[0])
    path.write_bytes(damaged)
    done = repair(path)
    assert done is not None
    assert done.salvaged.lost == done.salvaged.resealed == []
    assert totals_of(path) == sound[1]
    result = check(path)
    assert result.good
    assert [one.begun for one in result.chains] == ["start"] * SESSIONS  # the chains as they were recorded
    assert result.repairs[0]["damaged"] == "records.db.damaged"
    assert done.damaged.read_bytes() == damaged
    with Reader(path) as reader:
        found = reader.portrait(1, 1, 0)
        assert found is not None
        assert found.jpeg == portrait().jpeg
        assert reader.relabels(2)[0].who == "Ada"
    with open_writer(path) as writer:
        assert writer.start_session(session_start()) == SESSIONS + 1


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
@pytest.mark.parametrize("odd", [0, 1234])
def test_a_file_cut_short_keeps_what_is_before_the_cut(
    tmp_path: Path, sound: tuple[bytes, list[Totals]], share: float, odd: int
) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(sound[0][: round(share * len(sound[0])) // PAGE * PAGE + odd])
    done = repair(path)
    assert done is not None
    assert done.salvaged.lost
    assert done.salvaged.resealed
    assert done.salvaged.saved["fields"] > 0.6 * share * SESSIONS * FIELDS
    assert check(path).good  # what was saved is sealed, and the repair stands in the record
    for before, after in zip(sound[1], totals_of(path), strict=False):
        assert after.wbc <= before.wbc
        assert after.rbc <= before.rbc  # nothing was made up


def test_whatever_page_is_overwritten_the_rest_is_saved(tmp_path: Path, sound: tuple[bytes, list[Totals]]) -> None:
    content, path = sound[0], tmp_path / "records.db"
    whole = repaired_counts(path, without_header(content))
    for number in range(0, len(content) // PAGE, 8):
        damaged = content[: number * PAGE] + b"\xa5" * PAGE + content[(number + 1) * PAGE :]
        saved = repaired_counts(path, damaged)
        lost = {table: count - saved[table] for table, count in whole.items()}
        assert not (lost["fields"] and lost["cells"]), (number, lost)  # one page is of one table
        assert lost["fields"] <= 20
        assert lost["cells"] <= 40
        assert lost["portraits"] <= 8


def repaired_counts(path: Path, content: bytes) -> dict[str, int]:
    for old in path.parent.glob("records.db*"):
        old.unlink()
    path.write_bytes(content)
    done = repair(path)
    assert check(path).good
    return {} if done is None else done.salvaged.saved


def test_the_session_row_is_stood_in_for_and_says_so(tmp_path: Path, sound: tuple[bytes, list[Totals]]) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(sound[0][: 2 * PAGE] + b"\xa5" * PAGE + sound[0][3 * PAGE :])  # page 3: the sessions
    done = repair(path)
    assert done is not None
    assert done.salvaged.stand_ins == {"sessions": SESSIONS}
    assert totals_of(path) == sound[1]
    with Reader(path) as reader:
        record_ = reader.session(1)
    assert (record_.camera, record_.model_name, record_.label) == ("lost", "lost", "lost")
    assert (record_.state, record_.ended_because) == ("finished", "150 frames were read")  # its chain said so


def test_lost_tallies_are_restored_from_the_chain(tmp_path: Path, sound: tuple[bytes, list[Totals]]) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(sound[0])
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tallies'").fetchone()
    start = (row[0] - 1) * PAGE
    path.write_bytes(sound[0][:start] + b"\xa5" * PAGE + sound[0][start + PAGE :])
    done = repair(path)
    assert done is not None
    assert done.salvaged.lost == done.salvaged.resealed == []
    assert totals_of(path) == sound[1]


def test_what_only_the_log_has_is_saved(tmp_path: Path) -> None:
    live, path = tmp_path / "live.db", tmp_path / "records.db"
    with open_writer(live) as writer:
        session = writer.start_session(session_start())
        for index in range(30):
            shown = writer.commit_field(session, varied_field(index), varied_tallies(index + 1))
        log_path(path).write_bytes(log_path(live).read_bytes())
        path.write_bytes(without_header(live.read_bytes()))
        log_path(path).write_bytes(log_path(live).read_bytes()[:-100])  # and the last frame is torn
    log = log_path(path).read_bytes()
    done = repair(path)
    if done is not None:  # SQLite may mend it by itself: the first page is in the log, too
        assert log_path(done.damaged).read_bytes() == log
    assert [totals.fields for totals in totals_of(path)] == [shown.fields - 1]
    assert check(path).good


def test_a_sound_file_is_left_as_it_is(tmp_path: Path, sound: tuple[bytes, list[Totals]]) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(sound[0])
    assert repair(path) is None
    assert path.read_bytes() == sound[0]
    assert not list(tmp_path.glob("*.damaged*"))


def test_edited_rows_are_not_repaired_away(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    record(path, ["neutrophil"] * 4)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE cells SET label = 'monocyte'")
        connection.commit()
    with pytest.raises(StoreError, match="changed past the program"):
        repair(path)
    assert not check(path).good


def test_what_is_not_ours_is_left_untouched(tmp_path: Path) -> None:
    text, other, newer = tmp_path / "text.csv", tmp_path / "other.db", tmp_path / "newer.db"
    text.write_text("a,b\n1,2\n" * 2000)
    with closing(sqlite3.connect(other)) as connection:
        connection.executescript("PRAGMA application_id = 7; CREATE TABLE bookmarks (url TEXT)")
    record(newer, ["neutrophil"])
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    for path in (text, other, newer):
        before = path.read_bytes()
        with pytest.raises(StoreError):
            repair(path)
        assert path.read_bytes() == before
        assert not list(tmp_path.glob(f"{path.name}.damaged*"))


def test_a_database_in_use_is_not_repaired(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    with open_writer(path), pytest.raises(StoreError, match="is being written by"):
        repair(path)


def test_an_earlier_damaged_file_is_never_written_over(tmp_path: Path, sound: tuple[bytes, list[Totals]]) -> None:
    path = tmp_path / "records.db"
    (tmp_path / "records.db.damaged").write_bytes(b"precious")
    path.write_bytes(without_header(sound[0]))
    done = repair(path)
    assert done is not None
    assert done.damaged.name == "records.db.damaged-2"
    assert (tmp_path / "records.db.damaged").read_bytes() == b"precious"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_makes_it_crash_or_make_something_up(
    tmp_path: Path, sound: tuple[bytes, list[Totals]], data: st.DataObject
) -> None:
    content = bytearray(without_header(sound[0]))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=200))
        content[place : place + len(piece)] = piece
    path = tmp_path / "records.db"
    for old in tmp_path.glob("records.db*"):
        old.unlink()
    path.write_bytes(content)
    try:
        done = repair(path)
    except StoreError:
        assert path.read_bytes() == bytes(content)
        return
    assert done is not None
    assert done.damaged.read_bytes() == bytes(content)
    result = check(path)
    assert result.steps[0].good
    assert result.steps[1].good
