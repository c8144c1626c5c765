"""Each session's records form a chain: whatever is changed past the program is found, and named."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded import NOON, cell, field_result, record, session_start, varied_field, varied_tallies, with_portraits

from hemato_edge.store.chain import row_hash
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import Join
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import open_writer
from hemato_edge.values import Pose, Quality

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = 12


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """One session in which everything happened that can be recorded."""
    made = tmp_path / "records.db"
    with open_writer(made) as writer:
        session = writer.start_session(session_start(confusion=((1, 0), (0, 1))))
        for index in range(FIELDS):
            writer.commit_field(session, with_portraits(varied_field(index)), varied_tallies(index + 1))
        writer.commit_tallies(session, {"frames": 99})
        writer.commit_field(session, varied_field(FIELDS + 1), {"frames": 99}, [Join((7, 0), (3, 0))])
        writer.record_optics(session, 41.5, {"level": 0.8})
        writer.end_session(session, "finished", NOON, "100 white cells were classified")
        writer.relabel(session, 1, 0, "basophil", "Ada", NOON)
        writer.undo(session, "Bo", NOON)
        writer.relabel(session, 2, 1, "monocyte", "Ada", NOON)
    return made


def found(path: Path) -> list[str]:
    return [what for step in check(path).steps for what in step.found]


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(statement).rowcount > 0  # nothing is proven by a statement that did nothing
        connection.commit()


def test_an_untouched_record_is_whole(path: Path) -> None:
    result = check(path)
    assert result.good
    (state,) = result.chains
    # start, 13 fields, tallies, a joined pair, optics, end, three relabels
    assert (state.entries, state.begun, state.found) == (1 + FIELDS + 1 + 1 + 1 + 1 + 1 + 3, "start", [])


EDITS = [
    ("UPDATE fields SET new_rbc = 99 WHERE number = 5", "field 5 was edited"),
    ("UPDATE fields SET utc = '2027-01-01T00:00:00.000+00:00' WHERE number = 5", "field 5 was edited"),
    ("DELETE FROM fields WHERE number = 6", "field 6 was removed"),
    ("DELETE FROM fields WHERE number = 12", "field 12 was removed"),
    ("UPDATE cells SET label = 'basophil' WHERE field = 3 AND number = 1", "cell 1 of field 3 was edited"),
    ("UPDATE cells SET confidence = 0.99 WHERE field = 3 AND number = 0", "cell 0 of field 3 was edited"),
    ("UPDATE cells SET probabilities = zeroblob(32) WHERE field = 3 AND number = 2", "cell 2 of field 3 was edited"),
    ("DELETE FROM cells WHERE field = 7 AND number = 1", "cell 1 of field 7 was removed"),
    ("UPDATE cells SET field = 4, number = 0 WHERE field = 3 AND number = 2", "cell 0 of field 4 was inserted"),
    ("UPDATE cells SET relabelled = 'eosinophil' WHERE field = 3 AND number = 0", "the label of cell 0 of field 3"),
    ("UPDATE cells SET relabelled = NULL", "the label of cell 1 of field 2"),
    ("UPDATE tallies SET count = count - 1 WHERE name = 'dropped'", "tally dropped was edited"),
    ("DELETE FROM tallies WHERE name = 'frames'", "tally frames was edited"),
    ("INSERT INTO tallies VALUES (1, 'rejected:too_dark', 4)", "tally rejected:too_dark was edited"),
    ("UPDATE sessions SET camera = 'another'", "its head"),
    ("UPDATE sessions SET settings = '{}'", "its head"),
    ("UPDATE sessions SET state = 'interrupted'", "state was edited"),
    ("UPDATE sessions SET red_cell_px = 40", "red_cell_px was edited"),
    ("UPDATE sessions SET ended_because = 'nothing'", "ended_because was edited"),
    ("UPDATE relabels SET who = 'Eve' WHERE id = 1", "relabel 1 was edited"),
    ("DELETE FROM relabels WHERE id = 3", "relabel 3 was removed"),
    (
        "INSERT INTO relabels (session, field, cell, utc, who, before, after) VALUES (1, 1, 0, 'x', 'y', 'z', 'a')",
        "relabel 4 was inserted",
    ),
    ("DELETE FROM joined", "was joined was removed"),
    ("UPDATE joined SET kept_field = 2", "was joined was edited"),
    ("INSERT INTO joined VALUES (1, 9, 0, 3, 0, 'x')", "that cell 0 of field 9 was joined was inserted"),
    ("DELETE FROM events WHERE event = 'start'", "entry 0 was removed"),
    ("DELETE FROM events WHERE event = 'end'", "removed from its chain"),
    ("DELETE FROM events", "removed from its chain"),
    ("UPDATE events SET said = '[1]' WHERE event = 'tallies'", "entry 13 of its chain (tallies) was edited"),
    ("UPDATE fields SET said = '{\"tallies\": 7}' WHERE number = 4", "entry 5 of its chain (field 4) was edited"),
    ("UPDATE fields SET link = zeroblob(32) WHERE number = 4", "entry 5 of its chain (field 4) was edited"),
    ("UPDATE fields SET entry = NULL, marks = NULL WHERE number = 4", "field 4 was inserted"),
]


@pytest.mark.parametrize(("statement", "named"), EDITS, ids=[statement[:48] for statement, _ in EDITS])
def test_what_is_changed_past_the_program_is_named(path: Path, statement: str, named: str) -> None:
    change(path, statement)
    assert any(named in what for what in found(path)), found(path)


def test_an_inserted_field_is_named(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(fields)")]
        values = ", ".join(
            "13" if name == "number" else "NULL" if name in ("entry", "link") else name for name in names
        )
        connection.execute(f"INSERT INTO fields SELECT {values} FROM fields WHERE number = 3")  # noqa: S608
        connection.commit()
    assert "session 1: field 13 was inserted" in found(path)


def test_a_session_that_was_removed_whole_is_named(path: Path) -> None:
    record(path, ["neutrophil"] * 2)
    for table in ("joined", "relabels", "portraits", "cells", "fields", "events", "tallies"):
        change(path, f"DELETE FROM {table} WHERE session = 1")  # noqa: S608
    change(path, "DELETE FROM sessions WHERE id = 1")
    removed = found(path)
    assert removed[0] == "session 1 was removed"
    assert len(removed) == 2  # the other one from the head that was noted outside
    assert "its end was noted in" in removed[1]


def test_two_fields_that_changed_places_are_found(path: Path) -> None:
    for old, new in ((4, 40), (5, 4), (40, 5)):
        change(path, f"UPDATE fields SET number = {new} WHERE number = {old}")  # noqa: S608
    assert any("was edited" in what for what in found(path))


def test_removing_pictures_breaks_nothing(path: Path) -> None:
    with open_writer(path) as writer:
        assert writer.prune_portraits(1).pictures > 0
    assert check(path).good


def test_the_last_link_tells_of_a_chain_that_was_written_anew(path: Path, tmp_path: Path) -> None:
    before = check(path).chains[0].head
    with Reader(path) as reader:
        assert reader.last_link(1) == before
    other = tmp_path / "forged.db"
    with open_writer(other) as writer:  # all of it, by one who has the program
        session = writer.start_session(session_start(camera="another"))
        writer.end_session(session, "finished", NOON)
    assert check(other).good
    assert check(other).chains[0].head != before


def test_a_session_that_was_killed_goes_on_in_its_chain(tmp_path: Path) -> None:
    path = tmp_path / "killed.db"
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, varied_field(3), {"frames": 1})
    assert check(path).good  # left running
    open_writer(path).close()  # interrupted now
    assert check(path).good
    with Reader(path) as reader:
        assert reader.session(session).ended_because == "its process was killed or lost power"


def test_a_failed_commit_leaves_no_hole(tmp_path: Path) -> None:
    path = tmp_path / "failed.db"
    bad = cell("monocyte")
    bad = replace(bad, judgement=replace(bad.judgement, probabilities=bad.judgement.probabilities[:3]))
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        with pytest.raises(ValueError, match="3 probabilities"):
            writer.commit_field(session, replace(field_result(0), new_cells=(bad,)), {"frames": 1})
        with pytest.raises(ValueError, match="no cell"):
            writer.commit_field(session, field_result(0, ["monocyte"]), {"frames": 1}, [Join((0, 0), (5, 5))])
        writer.commit_field(session, field_result(1, ["monocyte"]), {"frames": 2})
    assert check(path).good


NUMBERS = st.floats(allow_nan=False, width=64)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=st.lists(NUMBERS, min_size=4, max_size=4),
    pose=st.one_of(st.none(), st.tuples(st.integers(0, 2**40), st.floats(), st.floats(), st.floats())),
    source=st.text(st.characters(exclude_categories=["Cs"])),
    measure=st.floats(),
)
def test_rows_hash_the_same_before_and_after_they_are_stored(
    tmp_path_factory: pytest.TempPathFactory,
    numbers: list[float],
    pose: tuple[int, float, float, float] | None,
    source: str,
    measure: float,
) -> None:
    path = tmp_path_factory.mktemp("rows") / "records.db"
    one = replace(cell("basophil"), x_px=numbers[0], y_px=numbers[1], diameter_px=numbers[2], score=numbers[3])
    result = replace(
        field_result(0),
        new_cells=(one, cell("monocyte", -0.0)),
        pose=None if pose is None else Pose(*pose),
        source=source,
        quality=Quality(None, {"focus": measure}),
    )
    with open_writer(path) as writer:
        session = writer.start_session(session_start(label=source))
        writer.commit_field(session, result, {"frames": np.int64(3)})  # type: ignore[dict-item]
        writer.end_session(session, "finished", NOON + timedelta(seconds=1))
    assert found(path) == []


def test_a_hash_tells_types_and_neighbours_apart() -> None:
    row = {"session": 1, "field": 2, "cell": 3, "kept_field": 1, "kept_cell": 0, "utc": "x"}
    assert row_hash("joined", row) != row_hash("joined", row | {"field": 3, "cell": 2})
    assert row_hash("joined", row) != row_hash("joined", row | {"utc": None})
