"""The formats of a report: one table of them, to which another package adds in one file."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from recorded import NOON, record
from typer.testing import CliRunner
from waiting import DEADLINE_S

from hemato_edge.cli.records import report as report_commands
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.json_document import as_json
from hemato_edge.views.report.formats.registry import FORMATS

EXPECTED = Path(__file__).parent / "recorded_report.json"
"""The JSON of a session that has something of everything, as it was before the report had a type."""
LABELS = ["neutrophil"] * 60 + ["lymphocyte"] * 40 + ["unclassified"] * 2
LABELS += ["erythroblast", "platelet", "monocyte", "eosinophil"]
SETTINGS = {
    "calibration.um_per_px": 0.1,
    "calibration.profile": "x100",
    "calibration.um_per_px_uncertainty": 0.002,
    "estimate.white_factor": 0.4,
    "estimate.platelet_factor": 0.6,
    "reference.neutrophil": [0.0, 10.0],
    "reference": {"monocyte": [3, 9]},
}
OF_THIS_MACHINE = ("boot_id", "last_link", "database")
SINCE = (
    "approval",
    "attributes",
    "red_cells",
    "red_cell_morphology",
    "field_of_view",
    "verification",
    "verified",
    "adapted",
    "unanswered",
    "uneven_rejection",
    "clock_set",
    "timings_ms",
    "letterhead",
    "quality_control",
    "subtypes",
)
"""Keys that came later."""
FORMAT = """
from hemato_edge.views.report.formats.registry import Format


def _shout(reports, reader):
    yield f"{reports[0].classified} WHITE CELLS, {reader.path.name}"


LOUD = Format("only in capitals", _shout)
"""


def test_the_json_is_the_same_as_ever(tmp_path: Path) -> None:
    tallies = {"warning:scale_contradicts_profile": 4, "tracking_lost": 2, "tracking_rejoined": 1}
    record(tmp_path / "x.db", LABELS, settings=SETTINGS, tallies=tallies)
    with open_writer(tmp_path / "x.db") as writer:
        writer.relabel(1, 0, 0, "monocyte", "Ada", NOON)
        writer.relabel(1, 0, 1, "artefact", "Bob", NOON)
        writer.undo(1, "Ada", NOON)
    with Reader(tmp_path / "x.db") as reader:
        made = json.loads(as_json(build_report(reader, 1, nucleated_count=11.0)))
    for key in SINCE:
        del made[key]
    for key in OF_THIS_MACHINE:
        made["provenance"][key] = "…"
    assert json.dumps(made, indent=1, ensure_ascii=False) + "\n" == EXPECTED.read_text(encoding="utf-8")


def test_another_package_brings_a_format_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "loud_reports.py").write_text(FORMAT)
    described = tmp_path / "loud_reports-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: loud-reports\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[hemato_edge.report_formats]\nloud = loud_reports:LOUD\n")
    record(tmp_path / "x.db", ["neutrophil"] * 4)
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from hemato_edge.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), "report", "--db", str(tmp_path / "x.db"), "--format", "loud"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert (done.stdout, done.returncode) == ("4 WHITE CELLS, x.db", 0), done.stderr


def test_an_unknown_format_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    record(tmp_path / "x.db", ["neutrophil"])
    app = typer.Typer()
    report_commands.register(app)
    result = CliRunner().invoke(app, ["report", "--db", str(tmp_path / "x.db"), "--format", "docx"])
    assert result.exit_code == 2
    known = " ".join(result.output.replace("│", " ").split())
    assert ", ".join(FORMATS) in known


def test_a_workbook_holds_several_sessions(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    database, book = tmp_path / "x.db", tmp_path / "x.xlsx"
    record(database, ["neutrophil"] * 6 + ["lymphocyte"] * 4, label="=1+1")
    record(database, ["monocyte"] * 3, label="next\x07")
    said = run_report("--db", database, "--session", 1, "--session", 2, "--format", "xlsx", "--out", book)
    assert said == ""
    sheets = openpyxl.load_workbook(book)
    rows = list(sheets["Differential"].iter_rows(values_only=True))
    heading, first = rows[0], dict(zip(rows[0], rows[1], strict=True))
    assert (first["session"], first["sample"], first["label"], first["percent"]) == (1, "'=1+1", "neutrophil", 60.0)
    assert {row[heading.index("session")] for row in rows[1:]} == {1, 2}
    assert sheets["Differential"]["G2"].data_type == "n"
    sessions = list(sheets["Sessions"].iter_rows(values_only=True))
    assert [row[1] for row in sessions] == ["sample", "'=1+1", "next·"]
    assert "Fewer than 100 cells" in str(sessions[1])


def test_csv_begins_with_its_mark_and_joins_sessions(tmp_path: Path) -> None:
    record(tmp_path / "x.db", ["neutrophil"] * 6)
    record(tmp_path / "x.db", ["monocyte"])
    target = tmp_path / "x.csv"
    run_report("--db", tmp_path / "x.db", "--session", 1, "--session", 2, "--format", "csv", "--out", target)
    assert target.read_bytes()[:3] == b"\xef\xbb\xbf"
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8-sig"))))
    assert {row["session"] for row in rows} == {"1", "2"}


def test_a_page_holds_one_session(tmp_path: Path) -> None:
    record(tmp_path / "x.db", ["neutrophil"])
    record(tmp_path / "x.db", ["neutrophil"])
    app = typer.Typer()
    report_commands.register(app)
    arguments = ["report", "--db", str(tmp_path / "x.db"), "--session", "1", "--session", "2", "--format", "html"]
    assert CliRunner().invoke(app, arguments).exit_code == 2


def run_report(*arguments: object) -> str:
    app = typer.Typer()
    report_commands.register(app)
    result = CliRunner().invoke(app, ["report", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_what_it_is(name: str) -> None:
    assert FORMATS[name].help
