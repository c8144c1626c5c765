"""Tables for spreadsheets and programs."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from recorded import field_result, record, record_described, session_start

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats import tables

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ["neutrophil"] * 6 + ["lymphocyte"] * 4 + ["unclassified"] * 2 + ["erythroblast", "platelet"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


def test_the_report_is_a_clean_rectangle(path: Path) -> None:
    record(path, LABELS, label='=HYPERLINK("x")')
    with Reader(path) as reader:
        report = build_report(reader)
    rows = list(csv.DictReader(io.StringIO(tables.report_csv(report).removeprefix(tables.BOM))))
    assert all(None not in row and None not in row.values() for row in rows)  # every row has every column, and no more
    assert [row["label"] for row in rows] == [
        *("neutrophil", "eosinophil", "basophil", "lymphocyte", "monocyte", "immature_granulocyte"),
        *("unclassified", "erythroblast", "wbc", "rbc", "platelet", "fields"),
    ]
    assert rows[0] == {
        "session": "1",
        "sample": '\'=HYPERLINK("x")',
        "label": "neutrophil",
        "count": "6",
        "percent": "60.0",
        "ci_low_percent": "26.237808",
        "ci_high_percent": "87.844774",
        **dict.fromkeys(("estimate_percent", "reference_low", "reference_high", "flag"), ""),
        **dict.fromkeys(("per_100_wbc", "per_100_wbc_ci_low", "per_100_wbc_ci_high"), ""),
        **dict.fromkeys(("e9_per_l", "e9_per_l_ci_low", "e9_per_l_ci_high", "profile"), ""),
        "notice": RESEARCH_USE_NOTICE,
    }
    assert rows[7]["per_100_wbc"] == "10.0"
    ends = [float(rows[7][f"per_100_wbc_ci_{end}"]) for end in ("low", "high")]
    assert ends == pytest.approx(report.nucleated_red_cells.interval)
    assert [row["count"] for row in rows[6:]] == ["2", "1", "12", "100", "8", "2"]


def test_cells_as_csv(path: Path) -> None:
    record(path, LABELS)
    with Reader(path) as reader:
        columns = tables.cell_columns(reader.session().classifier_labels)
        rows = list(csv.DictReader(tables.csv_lines(columns, map(tables.cell_row, reader.cells(1)))))
    assert len(rows) == len(LABELS)
    assert [row["label"] for row in rows] == LABELS
    first = rows[0]
    assert (first["x_px"], first["x1"], first["score"], first["p_neutrophil"]) == ("10.0", "31.0", "0.9", "0.86")
    assert first["notice"] == RESEARCH_USE_NOTICE


def test_fields_as_csv_with_measures_and_hostile_sources(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, field_result(0, region=None, source="-2+3,\n.png"), {})
        with Reader(path) as reader:
            lines = "".join(tables.csv_lines(tables.FIELD_COLUMNS, map(tables.field_row, reader.fields(session))))
    (row,) = csv.DictReader(io.StringIO(lines))
    assert row["source"] == "'-2+3,\n.png"
    assert (row["region"], row["new_cells"]) == ("", "0")
    assert json.loads(row["quality"]) == {"focus": 0.5, "unknown": None}


def test_json_is_one_document_and_comes_row_by_row(path: Path) -> None:
    record(path, LABELS)
    with Reader(path) as reader:
        pieces = list(tables.json_lines("cells", map(tables.cell_row, reader.cells(1))))
    assert len(pieces) == len(LABELS) + 2
    document = json.loads("".join(pieces))
    assert document["notice"] == RESEARCH_USE_NOTICE
    assert [cell["label"] for cell in document["cells"]] == LABELS


def test_a_session_without_rows_gives_a_heading_and_an_empty_list() -> None:
    assert "".join(tables.csv_lines(("a", "b"), [])) == "a,b,notice\n"
    assert json.loads("".join(tables.json_lines("fields", [])))["fields"] == []


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("a=1", "a=1"),
        ("", ""),
        (-3.5, -3.5),
        ("a\x1b\nb", "a\ufffd\nb"),
    ],
)
def test_no_text_becomes_a_formula(value: object, safe: object) -> None:
    assert tables.spreadsheet_safe(value) == safe


def test_cells_have_their_attributes_in_one_column(path: Path) -> None:
    record_described(path)
    with Reader(path) as reader:
        columns = tables.cell_columns(reader.session().classifier_labels)
        rows = list(csv.DictReader(tables.csv_lines(columns, map(tables.cell_row, reader.cells(1)))))
        first = tables.cell_row(next(iter(reader.cells(1))))
    assert json.loads(rows[1]["attributes"])["nucleus_shape"] == ["segmented-multilobed", 0.95]
    assert first["attributes"] == {"granule_type": ["small", 0.99], "granule_colour": ["pink", 0.93]}


def test_a_byte_that_is_no_text_is_written_as_an_escape() -> None:
    assert tables.spreadsheet_safe("M\udcfcller").encode() == b"M\\xfcller"
