"""What people change: the log grows, the machine's answer stays, the counts follow, undo goes back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, field_result, record, session_start

from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ["neutrophil", "neutrophil", "lymphocyte", "unclassified"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "records.db"
    record(made, LABELS)
    return made


def labels_of(path: Path) -> dict[str, int]:
    with Reader(path) as reader:
        return reader.totals(1).labels


def test_a_change_keeps_who_when_and_the_machines_answer(path: Path) -> None:
    with open_writer(path) as writer:
        writer.relabel(1, 1, 1, "monocyte", "Ada", NOON)
    with Reader(path) as reader:
        cell = list(reader.cells(1))[3]
        assert (cell.label, cell.relabelled, cell.name) == ("unclassified", "monocyte", "monocyte")
        (change,) = reader.relabels(1)
        assert (change.who, change.utc, change.before, change.after) == ("Ada", NOON, "unclassified", "monocyte")
        totals = reader.totals(1)
        assert reader.changed(1) == 1
    assert totals.labels == {"neutrophil": 2, "lymphocyte": 1, "monocyte": 1}
    assert totals.reviewed == {"monocyte": 1}


def test_undo_goes_back_step_by_step_and_keeps_everything(path: Path) -> None:
    with open_writer(path) as writer:
        for minute, label in enumerate(("monocyte", "basophil")):
            writer.relabel(1, 0, 0, label, "Ada", NOON + timedelta(minutes=minute))
        first = writer.undo(1, "Bo", NOON + timedelta(hours=1))
        assert first is not None
        assert (first.before, first.after) == ("monocyte", "basophil")
        assert labels_of(path)["monocyte"] == 1
        writer.undo(1, "Bo", NOON + timedelta(hours=2))
        assert writer.undo(1, "Bo", NOON) is None
    with Reader(path) as reader:
        assert reader.totals(1).labels == {"neutrophil": 2, "lymphocyte": 1, "unclassified": 1}
        assert reader.totals(1).reviewed == {}
        assert [(c.who, c.after, c.undoes) for c in reader.relabels(1)] == [
            ("Ada", "monocyte", None),
            ("Ada", "basophil", None),
            ("Bo", "monocyte", 2),
            ("Bo", "neutrophil", 1),
        ]


def test_after_an_undo_a_new_change_is_the_one_to_undo(path: Path) -> None:
    with open_writer(path) as writer:
        writer.relabel(1, 0, 0, "monocyte", "Ada", NOON)
        writer.undo(1, "Ada", NOON)
        writer.relabel(1, 0, 1, "basophil", "Ada", NOON)
        last = writer.undo(1, "Ada", NOON)
    assert last is not None
    assert (last.cell, last.after) == (1, "basophil")


def test_no_cell_is_no_white_cell(path: Path) -> None:
    with open_writer(path) as writer:
        writer.relabel(1, 0, 0, "artefact", "Ada", NOON)
    with Reader(path) as reader:
        assert reader.totals(1).wbc == 3


@pytest.mark.parametrize(
    ("cell", "label", "who"),
    [
        ((1, 0, 9), "monocyte", "Ada"),
        ((9, 0, 0), "monocyte", "Ada"),
        ((1, 0, 0), "blast", "Ada"),
        ((1, 0, 0), "monocyte", " "),
    ],
)
def test_what_cannot_be_said_changes_nothing(path: Path, cell: tuple[int, int, int], label: str, who: str) -> None:
    with open_writer(path) as writer, pytest.raises(ValueError, match="cell"):
        writer.relabel(*cell, label, who, NOON)
    with Reader(path) as reader:
        assert reader.relabels(1) == []


def test_a_session_that_runs_follows_a_change(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, field_result(0, ("neutrophil",)), {})
        writer.relabel(session, 0, 0, "monocyte", "Ada", NOON)
        assert writer.commit_field(session, field_result(1, ("neutrophil",)), {}).labels == {
            "monocyte": 1,
            "neutrophil": 1,
        }


def test_the_queue_holds_what_nobody_named(path: Path) -> None:
    with open_writer(path) as writer:
        writer.relabel(1, 0, 0, "neutrophil", "Ada", NOON)
    with Reader(path) as reader:
        assert [(cell.field, cell.number) for cell in reader.doubtful(1, 10)] == [(0, 1), (1, 0), (1, 1)]
        assert len(reader.doubtful(1, 2)) == 2
