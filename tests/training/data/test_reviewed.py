"""Cells named in review are a data set that training reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorded import NOON, record

from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.images.class_folders import export_training
from hemato_training.data.cell_sets import load, sets_in

if TYPE_CHECKING:
    from pathlib import Path


def test_a_set_of_reviewed_cells_is_read(tmp_path: Path) -> None:
    record(tmp_path / "x.db", ["neutrophil", "unclassified", "lymphocyte", "lymphocyte"], pictures=True)
    with open_writer(tmp_path / "x.db") as writer:
        writer.relabel(1, 0, 1, "monocyte", "Ada", NOON)
    data = tmp_path / "data"
    with Reader(tmp_path / "x.db") as reader:
        assert export_training(reader, reader.cells(1), data) == 1
    (found,) = load(data, sets_in(data))
    assert (found.label, found.laboratory) == ("monocyte", "reviewed")


def test_without_cells_of_ones_own_the_published_sets_are_needed(tmp_path: Path) -> None:
    assert sets_in(tmp_path) == ("pbc", "bccd")
