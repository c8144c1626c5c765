"""`sessions`, `report` and `export` on real databases."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import typer
from recorded import record
from typer.testing import CliRunner

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.cli.records import report as records
from hemato_edge.errors import HematoEdgeError, StoreError
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ["neutrophil"] * 3 + ["lymphocyte", "unclassified"]

app = typer.Typer()
records.register(app)


def run(*arguments: object) -> str:
    """What the command prints to stdout; its errors are raised."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "records.db"
    record(made, LABELS, label="first")
    record(made, LABELS[:2], label="second")
    return made


def test_sessions_lists_them(path: Path) -> None:
    lines = run("sessions", "--db", path).splitlines()
    assert lines[2].split() == ["1", "2026-03-01", "12:00:00", "finished", "2", "5", "100", "7", "demo", "first"]
    assert lines[3].endswith("second")
    assert lines[-1] == RESEARCH_USE_NOTICE
    document = json.loads(run("sessions", "--db", path, "--json"))
    assert document["database"] == str(path)
    assert [(s["id"], s["label"], s["counts"]["wbc"]) for s in document["sessions"]] == [
        (1, "first", 5),
        (2, "second", 2),
    ]


def test_sessions_of_an_empty_database(tmp_path: Path) -> None:
    open_writer(tmp_path / "x.db").close()
    assert "No session is recorded" in run("sessions", "--db", tmp_path / "x.db")
    assert json.loads(run("sessions", "--db", tmp_path / "x.db", "--json"))["sessions"] == []


def test_report_takes_the_last_session_or_the_one_named(path: Path) -> None:
    assert '"second"' in run("report", "--db", path)
    assert json.loads(run("report", "--db", path, "--format", "json"))["session"]["label"] == "second"
    assert json.loads(run("report", "--db", path, "--json", "--session", 1))["counts"]["wbc"] == 5
    rows = list(csv.DictReader(io.StringIO(run("report", "--db", path, "--format", "csv", "--session", 1))))
    assert (rows[0]["label"], rows[0]["count"], rows[0]["percent"]) == ("neutrophil", "3", "75.0")


@pytest.mark.parametrize("style", ["text", "json", "csv"])
def test_a_report_in_a_file_is_what_stdout_gets(path: Path, tmp_path: Path, style: str) -> None:
    out = tmp_path / "report"
    assert run("report", "--db", path, "--format", style, "--out", out) == ""
    assert out.read_text(encoding="utf-8") == run("report", "--db", path, "--format", style)
    assert RESEARCH_USE_NOTICE in out.read_text(encoding="utf-8")


def test_export_writes_cells_and_fields(path: Path, tmp_path: Path) -> None:
    cells = list(csv.DictReader(io.StringIO(run("export", "cells", "--db", path, "--session", 1))))
    assert [cell["label"] for cell in cells] == LABELS
    fields = json.loads(run("export", "fields", "--db", path, "--session", 1, "--format", "json"))["fields"]
    assert [(field["frame_index"], field["new_cells"]) for field in fields] == [(0, 2), (3, 3)]
    out = tmp_path / "fields.csv"
    run("export", "fields", "--db", path, "--out", out)
    assert len(out.read_text().splitlines()) == 3


def test_the_database_of_the_settings_is_read_when_none_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMATO_EDGE_STORE__PATH", str(path))
    assert '"second"' in run("report")


@pytest.mark.parametrize("name", ["records.db", "records.db-wal"])
def test_the_database_is_never_written_over(path: Path, name: str) -> None:
    before = path.read_bytes()
    with pytest.raises(HematoEdgeError, match="belongs to the database"):
        run("report", "--db", path, "--out", path.with_name(name))
    assert path.read_bytes() == before


def test_an_output_that_cannot_be_written_is_told(path: Path, tmp_path: Path) -> None:
    with pytest.raises(HematoEdgeError, match="cannot be written"):
        run("export", "cells", "--db", path, "--out", tmp_path / "no" / "cells.csv")


@pytest.mark.parametrize("command", [("sessions",), ("report",), ("export", "cells")])
def test_a_missing_database_is_told_and_not_made(tmp_path: Path, command: tuple[str, ...]) -> None:
    with pytest.raises(StoreError, match="There is no database"):
        run(*command, "--db", tmp_path / "x.db")
    assert not list(tmp_path.iterdir())


def test_an_unknown_session_leaves_no_output_file(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no session 9"):
        run("export", "cells", "--db", path, "--session", 9, "--out", tmp_path / "cells.csv")
    assert not (tmp_path / "cells.csv").exists()


def test_reading_records_loads_no_numpy_and_no_opencv(path: Path) -> None:
    program = (
        "import sys, typer\nfrom hemato_edge.cli.records import report\napp = typer.Typer()\nreport.register(app)\n"
        f"app(['report', '--db', {str(path)!r}], standalone_mode=False)\n"
        "print(sorted({'numpy', 'cv2', 'pydantic_settings', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_settings_of_the_run_can_be_given_to_its_report(path: Path, tmp_path: Path) -> None:
    """The file holds the database as well as the letterhead."""
    config = tmp_path / "lab.toml"
    config.write_text(f'[store]\npath = "{path}"\n[report]\nlaboratory = "Laboratory of the hill"\n')
    said = run("report", "--config", config)
    assert 'session 2 "second"' in said
    assert "Laboratory: Laboratory of the hill" in said
    with pytest.raises(HematoEdgeError):
        run("report", "--db", path, "--config", tmp_path / "none.toml")
