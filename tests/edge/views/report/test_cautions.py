"""What must be read before the percentages: few cells, unknown classes, uneven rejection, a clock that was set."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, field_result, record, session_start

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.cautions import caution_lines
from hemato_edge.views.report.formats.html import report_page
from hemato_edge.views.report.formats.text import report_lines
from hemato_edge.views.report.words import times_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hemato_edge.views.report.model import ClassShare, Report

SIZE = len(CLASSIFIER_LABELS)
EOSINOPHIL = CLASSIFIER_LABELS.index("eosinophil")
REFERENCE = {"reference.neutrophil": [0, 10], "reference.eosinophil": [1, 6]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


def report_of(path: Path, session: int | None = None) -> Report:
    with Reader(path) as reader:
        return build_report(reader, session)


def row_of(report: Report, label: str) -> ClassShare:
    return next(row for row in report.differential if row.label == label)


def without_eosinophils() -> tuple[tuple[int, ...], ...]:
    """A model that was trained without eosinophils: none in its held-out cells, and never an answer."""
    return tuple(tuple(0 if EOSINOPHIL in (i, j) else 90 if i == j else 2 for j in range(SIZE)) for i in range(SIZE))


@pytest.mark.parametrize(("cells", "flag"), [(99, None), (100, "high")])
def test_flags_stand_from_a_hundred_cells_on(path: Path, cells: int, flag: str | None) -> None:
    record(path, ["neutrophil"] * cells, settings=REFERENCE)
    report = report_of(path)
    assert row_of(report, "neutrophil").flag == flag
    assert any(line.startswith("Fewer than 100 cells: 99 were") for line in report_lines(report)) == (cells < 100)


def test_a_class_that_the_model_does_not_know_has_no_figure_and_no_flag(path: Path) -> None:
    record(path, ["neutrophil"] * 120, settings=REFERENCE, confusion=without_eosinophils())
    report = report_of(path)
    row = row_of(report, "eosinophil")
    assert (row.percent, row.interval, row.flag) == (None, None, None)
    assert report.unanswered == ("eosinophil",)
    lines = [" ".join(line.split()) for line in report_lines(report)]
    assert "Eosinophils 0 – – not known to the model" in lines
    assert any("does not know eosinophils" in line for line in lines)
    with Reader(path) as reader:
        page = "".join(report_page(reader, report))
    assert "not known to the model" in page
    assert "does not know eosinophils" in page


def test_a_class_that_was_answered_without_held_out_cells_is_known(path: Path) -> None:
    rows = [list(row) for row in without_eosinophils()]
    rows[0][EOSINOPHIL] = 3
    record(path, ["neutrophil"] * 120, confusion=tuple(map(tuple, rows)))
    assert report_of(path).unanswered == ()


def test_what_a_person_named_is_shown_of_an_unknown_class(path: Path) -> None:
    record(path, ["neutrophil"] * 4, confusion=without_eosinophils())
    with open_writer(path) as writer:
        writer.relabel(1, 0, 0, "eosinophil", "Ada", NOON)
    row = row_of(report_of(path), "eosinophil")
    assert (row.count, row.percent, row.interval) == (1, 25.0, None)


def review(path: Path, names: list[str]) -> None:
    """Name the first unclassified cells."""
    with Reader(path) as reader:
        cells = [cell for cell in reader.cells(1) if cell.label == "unclassified"]
    with open_writer(path) as writer:
        for cell, name in zip(cells, names, strict=False):
            writer.relabel(1, cell.field, cell.number, name, "Ada", NOON)


def test_a_class_that_is_rejected_more_often_is_said_beside_its_interval(path: Path) -> None:
    record(path, ["neutrophil"] * 91 + ["monocyte"] * 9 + ["unclassified"] * 30)
    assert not report_of(path).uneven_rejection
    review(path, ["monocyte"] * 15 + ["neutrophil"] * 3)
    report = report_of(path)
    found = {one.label: one for one in report.uneven_rejection}
    assert (found["monocyte"].rejected, found["monocyte"].of_rejected, found["monocyte"].more) == (15, 18, True)
    assert not found["neutrophil"].more
    lines = [" ".join(line.split()) for line in report_lines(report)]
    assert any(line.startswith("Monocytes ") and line.endswith("TOO LOW?") for line in lines)
    assert any(line.startswith("Monocytes are left unclassified more often") and "other 12" in line for line in lines)


def test_even_rejection_and_a_finished_review_are_not_spoken_of(path: Path) -> None:
    record(path, ["neutrophil"] * 80 + ["monocyte"] * 20 + ["unclassified"] * 10)
    review(path, ["neutrophil"] * 4 + ["monocyte"])
    assert not report_of(path).uneven_rejection
    review(path, ["monocyte"] * 10)
    assert not report_of(path).uneven_rejection  # no unclassified cell is left


def clocked(path: Path, jumps_s: list[float], end: datetime = NOON + timedelta(hours=3)) -> Report:
    """A session of a field a minute whose wall clock is set by so many seconds before each."""
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        wall = NOON
        for i, jump in enumerate(jumps_s):
            wall += timedelta(seconds=60 + jump)
            made = replace(field_result(i), utc=wall, monotonic_s=5.0 + 60 * (i + 1))
            writer.commit_field(session, made, {})
        writer.end_session(session, "finished", end)
    return report_of(path)


def test_a_clock_that_is_set_marks_the_session_and_its_start_is_reckoned_from_the_end(path: Path) -> None:
    report = clocked(path, [0, 7200, 0])
    assert report.clock_set is not None
    assert (report.clock_set.times, report.clock_set.by_s) == (1, 7200)
    assert report.period[0] == NOON + timedelta(hours=2)
    assert any("set forward by 2 h while the session ran" in line for line in caution_lines(report))
    assert report.session.started_utc == NOON  # what was recorded stays in the data


def test_a_clock_that_drifts_or_is_slewed_is_no_set_clock(path: Path) -> None:
    assert clocked(path, [0.5, -0.5, 1.9]).clock_set is None


def test_no_start_lies_behind_its_end(path: Path) -> None:
    """The clock was set back behind the last field, so that nothing tells when the session began."""
    report = clocked(path, [0, 0], end=NOON - timedelta(hours=1))
    assert report.period == (None, NOON - timedelta(hours=1))
    assert times_line(report).startswith("… to 2026-03-01 11:00:00 UTC")
    pytest.importorskip("fhir.resources")
    from hemato_edge.views.report.formats.fhir import diagnostic_report

    assert "start" not in json.loads(diagnostic_report(report))["effectivePeriod"]


@pytest.fixture
def kathmandu() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "NPT-5:45"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("kathmandu")
def test_the_local_time_stands_beside_utc(path: Path) -> None:
    record(path, ["neutrophil"])
    assert times_line(report_of(path)) == (
        "2026-03-01 12:00:00 to 2026-03-01 12:02:00 UTC (2026-03-01 17:45:00 to 2026-03-01 17:47:00 NPT)"
    )


def test_timings_stand_in_the_data(path: Path) -> None:
    record(path, ["neutrophil"])
    assert report_of(path).timings_ms == {"locate": 3.0}


def test_a_report_says_whether_the_microscope_was_verified(path: Path) -> None:
    record(path, ["neutrophil"])
    report = report_of(path)
    assert report.verification is None
    assert report.verified in report_lines(report)
    assert "verified on 212 cells" in report_lines(replace(report, verified="verified on 212 cells"))


def test_what_a_laboratory_prints_stands_on_the_report(path: Path, tmp_path: Path) -> None:
    from hemato_edge.views.report.model import Letterhead

    logo = tmp_path / "logo.png"
    logo.write_bytes(b"\x89PNG")
    record(path, ["neutrophil"], settings={"report.operator": "Ada <L.>", "report.comment": "second smear"})
    with Reader(path) as reader:
        report = build_report(reader, letterhead=Letterhead(laboratory="St Mary's", logo=str(logo), operator="Bob"))
        page = "".join(report_page(reader, report))
    lines = report_lines(report)
    assert {"Laboratory: St Mary's", "Operator: Ada <L.>", "Comment: second smear"} <= set(lines)
    assert "Operator: Ada &lt;L.&gt;" in page
    assert 'src="data:image/png;base64,iVBORw=="' in page


def test_a_clock_that_was_set_and_set_back_is_said_without_a_length(path: Path) -> None:
    lines = list(caution_lines(clocked(path, [0, 7200, -7200])))
    assert any("was set 2 times while the session ran, at last back to where it was" in line for line in lines)


def test_a_model_without_nucleated_red_cells_has_no_figure_for_them(path: Path) -> None:
    """Their count of 0 is no evidence: 0.0 to 3.1 per 100 white cells would be made up."""
    size, known = len(CLASSIFIER_LABELS), [label != "erythroblast" for label in CLASSIFIER_LABELS]
    matrix = tuple(
        tuple(90 if i == j else 2 if known[i] and known[j] else 0 for j in range(size)) if known[i] else (0,) * size
        for i in range(size)
    )
    record(path, ["neutrophil"] * 120, confusion=matrix)
    report = report_of(path)
    nucleated = report.nucleated_red_cells
    assert (nucleated.count, nucleated.per_100_wbc, nucleated.interval) == (0, None, None)
    assert nucleated.white_count_factor is None
    lines = [" ".join(line.split()) for line in report_lines(report)]
    assert "Nucleated red cells 0 not known to the model" in lines


def test_three_unknown_classes_are_listed_as_english_lists_are(path: Path) -> None:
    record(path, ["neutrophil"])
    report = replace(report_of(path), unanswered=("eosinophil", "basophil", "monocyte"))
    assert any("does not know eosinophils, basophils and monocytes:" in line for line in caution_lines(report))
