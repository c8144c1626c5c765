"""Band cells in a report: of those that were told, with interval and the model's mistakes, in every format alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded import NOON, record_band_cells, record_described

from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.json_document import document
from hemato_edge.views.report.formats.tables import report_rows
from hemato_edge.views.report.formats.text import report_lines
from hemato_edge.views.report.model import Report
from hemato_edge.views.report.subtypes.words import subtype_lines

UNVERIFIED = "Such cells were learnt from one laboratory; elsewhere this is not verified."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    record_band_cells(tmp_path / "records.db")
    return tmp_path / "records.db"


def report_of(path: Path) -> Report:
    with Reader(path) as reader:
        return build_report(reader)


def test_the_line_has_share_interval_and_mistakes(path: Path) -> None:
    told = "Neutrophils (10), of 8 told apart: band neutrophil 12 % (0 – 53; mistaken for it 8 %)"
    report = report_of(path)
    assert list(subtype_lines(report)) == [told, UNVERIFIED]
    text = list(report_lines(report))
    assert told in text
    assert not any("band" in line for line in text if "morphology" in line)
    german = next(iter(subtype_lines(report, "de")))
    assert german == (
        "Neutrophile (10), von 8 unterschiedenen: stabkerniger Granulozyt 12 % (0 – 53; irrtümlich dafür gehalten 8 %)"
    )


def test_json_and_csv_have_the_same(path: Path) -> None:
    report = report_of(path)
    (level,) = document(report)["subtypes"]
    assert (level["label"], level["cells"], level["told"]) == ("neutrophil", 10, 8)
    band, segmented = level["shares"]
    assert (band["value"], band["cells"], band["percent"]["value"], band["mistaken_percent"]) == ("band", 1, 12.5, 8.0)
    rows = {row["label"]: row for row in report_rows(report)}
    assert rows["neutrophil:band"]["percent"] == band["percent"]["value"]
    assert rows["neutrophil:segmented"]["count"] == segmented["cells"] == 7


def test_a_cell_that_a_person_named_otherwise_has_no_form(path: Path) -> None:
    with open_writer(path) as writer:
        writer.relabel(1, 0, 0, "monocyte", "Ada", NOON)
    report = report_of(path)
    assert (report.subtypes[0].cells, report.subtypes[0].told) == (9, 7)
    with Reader(path) as reader:
        assert [len(cell.attributes) for cell in reader.counted(1)] == [0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]


def test_a_session_of_a_model_without_it_says_nothing(tmp_path: Path) -> None:
    record_described(tmp_path / "records.db")
    report = report_of(tmp_path / "records.db")
    assert (report.subtypes, list(subtype_lines(report))) == ((), [])
