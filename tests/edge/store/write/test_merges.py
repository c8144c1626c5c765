"""Two recorded cells that are one: only the kept one counts, everywhere, and both are shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, field_result, session_start

from hemato_edge.store.reader import Reader
from hemato_edge.store.records import Join, Totals
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import Writer, open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.tables import cell_columns, cell_row, csv_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    """A running session, number 1, with two cells in each of two fields."""
    with open_writer(path) as opened:
        opened.start_session(session_start())
        opened.commit_field(1, field_result(0, ["neutrophil", "monocyte"]), {"frames": 1})
        opened.commit_field(1, field_result(1, ["neutrophil", "platelet"], region=1), {"frames": 2})
        yield opened


def joined(writer: Writer, found: list[Join], utc: datetime = NOON) -> Totals:
    """What is on disk after a field that adds no cell, with which others were found to be one."""
    return writer.commit_field(1, replace(field_result(9), utc=utc), {}, found)


def test_only_the_kept_cell_counts(path: Path, writer: Writer) -> None:
    found = [Join(cell=(1, 0), kept=(0, 0))]
    totals = writer.commit_field(1, field_result(2, ["lymphocyte"]), {"frames": 3}, found)
    assert (totals.wbc, totals.joined) == (3, 1)
    assert totals.labels == {"neutrophil": 1, "monocyte": 1, "lymphocyte": 1, "platelet": 1}
    assert writer.commit_field(1, field_result(3, ["neutrophil"]), {}).labels["neutrophil"] == 2
    with Reader(path) as reader:
        assert reader.totals(1).joined == 1
        report = build_report(reader, 1)
        assert report.counts["wbc"] == 4
        assert {row.label: row.count for row in report.differential}["neutrophil"] == 2
        assert len(list(reader.cells(1))) == 6
        assert [(c.field, c.number) for c in reader.counted(1)] == [(0, 0), (0, 1), (1, 1), (2, 0), (3, 0)]
        assert (1, 0) not in [(c.field, c.number) for c in reader.doubtful(1, 99)]


def test_a_joined_platelet_is_no_platelet_more(writer: Writer) -> None:
    assert joined(writer, [Join((1, 1), (0, 1))]).platelet == 0


def test_export_shows_both(path: Path, writer: Writer) -> None:
    joined(writer, [Join((1, 0), (0, 0))])
    with Reader(path) as reader:
        lines = list(csv_lines(cell_columns(reader.session(1).classifier_labels), map(cell_row, reader.cells(1))))
    assert ",joined_field,joined_cell,attributes,notice" in lines[0]
    assert [line.split(",")[-4:-2] for line in lines[1:]] == [["", ""], ["", ""], ["0", "0"], ["", ""]]


def test_cells_of_the_field_itself_may_be_joined(writer: Writer) -> None:
    totals = writer.commit_field(1, field_result(2, ["neutrophil"]), {}, [Join((2, 0), (0, 0))])
    assert totals.labels["neutrophil"] == 2
    assert totals.joined == 1


def test_findings_in_a_row_leave_one_cell(path: Path, writer: Writer) -> None:
    joined(writer, [Join((1, 0), (0, 0))])
    # the same again, the other way round, and through the one that counts no more
    totals = joined(writer, [Join((1, 0), (0, 0)), Join((0, 0), (1, 0)), Join((1, 0), (0, 1))])
    assert totals.joined == 2
    assert (totals.wbc, totals.labels) == (1, {"monocyte": 1, "platelet": 1})
    assert check(path).good


def test_a_cell_that_is_not_there_cannot_be_joined(path: Path, writer: Writer) -> None:
    with pytest.raises(ValueError, match=r"no cell \(9, 0\)"):
        joined(writer, [Join((1, 0), (9, 0))])
    with pytest.raises(ValueError, match="time zone"):
        joined(writer, [Join((1, 0), (0, 0))], datetime(2026, 3, 1))
    with Reader(path) as reader:
        assert reader.totals(1).joined == 0


def test_a_joined_cell_may_be_relabelled_and_still_does_not_count(path: Path, writer: Writer) -> None:
    joined(writer, [Join((1, 0), (0, 0))])
    writer.end_session(1, "finished", NOON)
    writer.relabel(1, 1, 0, "basophil", "Ada", NOON)
    with Reader(path) as reader:
        assert reader.totals(1).labels == {"neutrophil": 1, "monocyte": 1, "platelet": 1}
        assert reader.totals(1).reviewed == {}
        assert reader.changed(1) == 0
    assert check(path).good
