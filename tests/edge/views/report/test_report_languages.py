"""The report in each language: every line of it, with the same figures; data for programs stays English."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from html import unescape
from pathlib import Path

import pytest
from recorded import record, record_described
from typer.testing import CliRunner

from hemato_edge.cli.main import app
from hemato_edge.counting.rejection import UnevenRejection
from hemato_edge.languages import LANGUAGES, words_of
from hemato_edge.store.reader import Reader
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.figure import Figure
from hemato_edge.views.report.formats.html import report_page
from hemato_edge.views.report.formats.registry import FORMATS
from hemato_edge.views.report.formats.text import report_lines
from hemato_edge.views.report.model import (
    Approval,
    Calibration,
    ClockSet,
    DensityEstimate,
    Estimates,
    Report,
    Reviewed,
    Tracking,
)
from hemato_edge.views.report.red_cells.model import (
    OilFields,
    Pallor,
    Platelets,
    RedCellDiameters,
    RedCellMorphology,
    RedCellShape,
    RedCellShapes,
)

OTHERS = [code for code in LANGUAGES if code != "en"]
DAY = datetime(2026, 3, 1, tzinfo=timezone.utc)
FIGURE = Figure(1.5, 2034.5, None)
SHAPES = RedCellShape("ovalocyte", FIGURE, 2.0, "3+"), RedCellShape("teardrop_cell")
LEFT_OUT = {"cut": 1, "doublet": 2, "cluster": 3, "not_round": 4, "unclear": 5}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "counts.db"


def with_everything(report: Report) -> Report:
    """The report, with all that can stand in one."""
    density = DensityEstimate(3, FIGURE, FIGURE)
    return replace(
        report,
        unanswered=("basophil", "monocyte"),
        uneven_rejection=(UnevenRejection("monocyte", 3, 4, 5, 60), UnevenRejection("eosinophil", 1, 14, 15, 60)),
        clock_set=ClockSet(1, 3700.0, DAY),
        camera={"frozen": 2, "recovered": 1},
        tracking=Tracking(3, 2, 1, 4),
        rejected={"out_of_focus": 3},
        skipped={"unreadable": 2},
        warnings={"scale_contradicts_profile": 3, "stain_far": 1},
        dropped=4,
        estimates=Estimates(0.1, 0.001, 2.5, density, density),
        red_cells=RedCellDiameters(120, 3, FIGURE, FIGURE, FIGURE, 9, LEFT_OUT, {"5": 0.9}, 7.0, "fields"),
        red_cell_morphology=RedCellMorphology(
            123,
            Pallor(123, 81.0, 41.0, FIGURE, "2+", None),
            Platelets(FIGURE, 4.5, FIGURE, OilFields(FIGURE, FIGURE, (15.0, 20.0), 0.0314), 80, 2, 9, clumps=True),
            RedCellShapes(
                "x", 400, 360, (RedCellShape("ovalocyte", FIGURE, 2.0, "3+"), RedCellShape("teardrop_cell")), None
            ),
        ),
        calibration=Calibration("40x", "Plan 40", 0.1, 0.002, "stage micrometer", None),
        letterhead=replace(report.letterhead, laboratory="L", operator="A", comment="C"),
        adapted="adapted to this site on 2026-01-01 by 40 cells (head abcdef)",
        verified="verified on 100 cells on 2026-03-01: right of answered 98.0 % (93.0–99.5)",
        field_of_view="93 % of a frame is slide; left out: bars, a dark rim. The mask is the calibration profile's.",
        reviewed=Reviewed(3, 2, 1, ("Ada",)),
        nucleated_red_cells=replace(
            report.nucleated_red_cells, count=3, white_count_factor=0.97, counter=9.5, corrected_white_count=9.2
        ),
        approval=Approval("Ada", DAY, overtaken=True),
        provenance=replace(report.provenance, red_cell_px=39.4, settings_changed={"quality.min_focus = 0.1": 4}),
        session=replace(report.session, state="interrupted", ended_because="stopped at the door", target=500),
    )


def digits(line: str) -> list[str]:
    """The figures of a line, whatever their marks and order; "1,000 red cells" and its like stand in the words."""
    return sorted(re.findall(r"\d+", re.sub(r"(?<=\d)[.,\u202f](?=\d)", "", line)))


@pytest.mark.parametrize("code", OTHERS)
def test_every_line_is_translated_and_keeps_its_figures(path: Path, code: str) -> None:
    record_described(path)
    with Reader(path) as reader:
        report = with_everything(build_report(reader))
    english, told = report_lines(report), report_lines(report, code)
    assert len(told) == len(english) > 40
    for line, other in zip(english, told, strict=True):
        assert digits(line) == digits(other)
        if any(letter.isalpha() for letter in line):
            assert line != other


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_page_says_its_language_and_each_heading_in_it(path: Path, code: str) -> None:
    record(path, ["neutrophil"] * 30 + ["unclassified"], pictures=True)
    words = words_of(code)
    with Reader(path) as reader:
        page = unescape("".join(report_page(reader, with_everything(build_report(reader)), code)))
    assert f'<html lang="{code}">' in page
    headings = re.findall(r"<h[12]>([^<“]+)", page)
    parts = ("White-cell differential", "Differential", "Counts", "Red cells and platelets", "Quality")
    english = (*parts, "The way over the slide", "Cells")
    assert [heading.strip() for heading in headings[:7]] == [words(heading) for heading in english]
    assert (
        words(
            "Left the cell, right what spoke for the label: the class activation map, darker where more spoke for it."
        )
        in page
    )
    assert words("unclassified") in page


def test_data_for_programs_stays_english(path: Path) -> None:
    record(path, ["neutrophil"] * 30)
    with Reader(path) as reader:
        report = build_report(reader)
        for name in ("json", "csv"):
            made = [list(FORMATS[name].pieces([report], reader, code)) for code in LANGUAGES]
            assert all(one == made[0] for one in made)


def test_the_command_and_the_setting_choose_the_language(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(path, ["neutrophil"] * 30)
    told = CliRunner().invoke(app, ["report", "--db", str(path), "--language", "de"])
    assert "Differenzialblutbild" in told.stdout
    monkeypatch.setenv("HEMATO_EDGE_REPORT__LANGUAGE", "fr")
    assert "Formule leucocytaire" in CliRunner().invoke(app, ["report", "--db", str(path)]).stdout
    told = CliRunner().invoke(app, ["report", "--db", str(path), "--language", "la"])
    assert told.exit_code == 2
    assert "no language of reports" in told.output
