"""Everything that was written comes back."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, field_result, record, session_start

from hemato_edge.errors import StoreError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import Join
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a folder with ? and #" / "records.db"


@pytest.fixture(autouse=True)
def folder(path: Path) -> None:
    path.parent.mkdir()


def test_a_session_comes_back(path: Path) -> None:
    record(path, ["neutrophil", "monocyte"])
    with Reader(path) as reader:
        found = reader.session()
    assert (found.id, found.state, found.camera, found.label, found.target) == (1, "finished", "demo", "sample 12", 100)
    assert (found.started_utc, found.started_monotonic_s) == (NOON, 5.0)
    assert found.ended_utc == NOON + timedelta(minutes=2)
    assert found.boot_id
    assert (found.model_name, found.model_sha256) == ("classifier", "ab" * 32)
    assert (found.settings, found.versions) == ({"camera": {"spec": "demo"}}, {"hemato-edge": "0.1.0"})
    assert (found.red_cell_px, found.stain) == (41.5, {"level": 0.8})
    assert found.classifier_labels == CLASSIFIER_LABELS


def test_the_settings_hash_depends_on_content_and_not_on_order(path: Path) -> None:
    with open_writer(path) as writer, Reader(path) as reader:
        for settings in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 3}):
            writer.start_session(session_start(settings=settings))
        first, second, third = (found.settings_sha256 for found in reader.sessions())
    assert first == second != third


def test_fields_come_back_with_and_without_a_place(path: Path) -> None:
    with open_writer(path) as writer, Reader(path) as reader:
        session = writer.start_session(session_start())
        writer.commit_field(session, field_result(0, ("monocyte",), rbc=5, platelet=2, region=1), {})
        writer.commit_field(session, field_result(4, region=None, source="µ.png"), {})
        tracked, alone = reader.fields(session)
        assert reader.regions(session) == 1
    assert (tracked.number, tracked.frame_index, tracked.utc, tracked.source) == (0, 0, NOON, "demo")
    assert (tracked.region, tracked.x_px, tracked.y_px, tracked.pose_confidence) == (1, 0.0, 0.0, 0.9)
    assert tracked.seen == {"wbc": 1, "rbc": 5, "platelet": 2}
    assert (tracked.new_cells, tracked.new_rbc, tracked.new_platelet) == (1, 5, 2)
    assert tracked.quality == {"focus": 0.5, "unknown": None}  # JSON has no NaN
    assert tracked.latency_ms == {"locate": 3.0}
    assert (alone.number, alone.frame_index, alone.source) == (1, 4, "µ.png")
    assert (alone.region, alone.x_px, alone.y_px, alone.pose_confidence) == (None, None, None, None)


def test_cells_come_back_in_order(path: Path) -> None:
    record(path, ["neutrophil", "monocyte", "unclassified", "platelet"])
    with Reader(path) as reader:
        cells = list(reader.cells(1))
    assert [(c.field, c.number, c.label) for c in cells] == [
        (0, 0, "neutrophil"),
        (0, 1, "monocyte"),
        (1, 0, "unclassified"),
        (1, 1, "platelet"),
    ]
    cell = cells[2]
    assert (cell.best, cell.confidence, cell.source, cell.region) == ("lymphocyte", 0.86, "demo", 0)
    assert (cell.x_px, cell.y_px, cell.box) == (10.0, 20.5, (1.0, 2.0, 31.0, 42.0))
    assert cell.diameter_px == pytest.approx(34.6)
    assert list(cell.probabilities) == list(CLASSIFIER_LABELS)
    assert cell.probabilities["lymphocyte"] == pytest.approx(0.86)


def test_the_newest_cells_are_those_that_count(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, field_result(0, ["neutrophil", "monocyte"]), {})
        writer.commit_field(session, field_result(1, ["basophil"]), {})
        writer.commit_field(session, field_result(2, ["lymphocyte"]), {}, [Join((1, 0), (0, 1))])
    with Reader(path) as reader:
        assert [cell.label for cell in reader.newest(session, 2)] == ["lymphocyte", "monocyte"]
        assert list(reversed(reader.newest(session, 9))) == list(reader.counted(session))


def test_the_last_session_unless_told(path: Path) -> None:
    record(path, ["neutrophil"], label="first")
    record(path, ["monocyte"], label="second")
    with Reader(path) as reader:
        assert reader.session().label == "second"
        assert reader.session(1).label == "first"
        with pytest.raises(StoreError, match="no session 3") as caught:
            reader.session(3)
    assert "hemato-edge sessions" in caught.value.fix


def test_a_database_without_sessions_says_so(path: Path) -> None:
    open_writer(path).close()
    with Reader(path) as reader:
        assert reader.sessions() == []
        with pytest.raises(StoreError, match="No session is recorded"):
            reader.session()


def test_a_reader_cannot_write(path: Path) -> None:
    record(path, ["neutrophil"])
    with Reader(path) as reader, pytest.raises(Exception, match="readonly"):
        reader._connection.execute("DELETE FROM sessions")


def test_a_database_on_read_only_media_can_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(path, ["neutrophil"])
    monkeypatch.setattr(os, "access", lambda *_: False)  # a folder in which SQLite may not make its -shm file
    with Reader(path) as reader:
        assert reader.totals(1).labels == {"neutrophil": 1}
        assert not path.with_name(path.name + "-shm").exists()


def test_a_missing_database_is_not_made(path: Path) -> None:
    with pytest.raises(StoreError, match="There is no database"):
        Reader(path)
    assert not path.exists()
