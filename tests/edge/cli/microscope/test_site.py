"""`site`: a microscope is verified from named cells, keeps its figures in the profile, and forgets them again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import typer
from recorded import NOON, record
from typer.testing import CliRunner

from hemato_edge.calibration.profiles import ProfileFolder
from hemato_edge.cli.microscope import site
from hemato_edge.errors import CalibrationError
from hemato_edge.site.record import SECTION, site_section
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.text import report_lines

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ["neutrophil"] * 40 + ["lymphocyte"] * 20 + ["monocyte"] * 10 + ["unclassified"] * 10
MODEL = "ab" * 32

app = typer.Typer()
site.register(app)


def run(*arguments: object, keys: str = "") -> str:
    result = CliRunner().invoke(app, ["site", *map(str, arguments)], input=keys, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEMATO_EDGE_CALIBRATION__FOLDER", str(tmp_path / "profiles"))
    made = tmp_path / "records.db"
    record(made, LABELS, pictures=True, settings={"calibration": {"profile": "x100"}}, confusion=((1,) * 8,) * 8)
    return made


def name_all(path: Path, who: str = "Ada", wrong: int = 0) -> None:
    """Every cell gets the program's own best guess, but the first `wrong` lymphocytes."""
    with Reader(path) as reader, open_writer(path) as writer:
        for cell in reader.cells(1):
            label = cell.best
            if cell.label == "lymphocyte" and wrong:
                label, wrong = "monocyte", wrong - 1
            writer.relabel(1, cell.field, cell.number, label, who, NOON)


def test_a_person_names_what_is_asked_for_without_seeing_the_answers(path: Path) -> None:
    said = run("verify", "--profile", "x100", "--db", path, "--by", "Ada", "--ask", "--cells", 60, keys="n" * 60)
    assert said.splitlines()[0].startswith("x100: verified on 60 cells on ")
    with Reader(path) as reader:
        named = [cell for cell in reader.cells(1) if cell.relabelled]
        assert len(named) == 60
        assert {cell.label for cell in named} == set(LABELS)  # of every answer some were asked for


def test_the_figures_are_kept_in_the_profile_and_forgotten(path: Path, tmp_path: Path) -> None:
    name_all(path, wrong=7)
    found = json.loads(run("verify", "--profile", "x100", "--db", path, "--json"))
    assert found["line"].startswith("verified on 80 cells on ")
    assert found["line"].endswith(": right of answered 90.0 % (80.5–95.9)")
    assert found["verification"]["right"]["value"] == pytest.approx(63 / 70)
    assert found["verification"]["model_sha256"] == MODEL
    profile = ProfileFolder(tmp_path / "profiles").load("x100")
    assert profile.format == 2
    assert profile.frame_size == (640, 480)
    assert "lymphocyte" in run("show", "--profile", "x100")
    assert json.loads(run("show", "--profile", "x100", "--json"))["line"] == found["line"]
    run("remove", "--profile", "x100")
    assert ProfileFolder(tmp_path / "profiles").load("x100").format == 1
    assert run("show", "--profile", "x100").startswith("x100: microscope not verified")


def test_too_few_named_cells_are_refused_with_what_to_do(path: Path) -> None:
    with pytest.raises(CalibrationError, match="0 cells are named, 50 are needed") as caught:
        run("verify", "--profile", "x100", "--db", path)
    assert "--ask --profile x100" in caught.value.fix


def test_without_a_profile_or_its_sessions_nothing_is_verified(path: Path) -> None:
    with pytest.raises(CalibrationError, match="one microscope only"):
        run("verify", "--db", path)
    with pytest.raises(CalibrationError, match="There is no session that was recorded with the profile x40"):
        run("verify", "--profile", "x40", "--db", path)
    with pytest.raises(CalibrationError, match="was recorded with the profile x100, not x40"):
        run("verify", "--profile", "x40", "--db", path, "--session", 1)


def test_sessions_of_another_model_are_left_out(path: Path) -> None:
    name_all(path)
    record(path, LABELS, settings={"calibration": {"profile": "x100"}}, model_sha256="cd" * 32)
    result = CliRunner().invoke(app, ["site", "ask", "--profile", "x100", "--db", str(path)])
    assert result.exit_code == 0
    assert "left out, since another model or head answered: session 1" in result.output


def test_a_second_reader_gets_the_cells_of_the_first(path: Path) -> None:
    run("verify", "--profile", "x100", "--db", path, "--by", "Ada", "--ask", "--cells", 60, keys="n" * 60)
    with Reader(path) as reader:
        first = {(cell.session, cell.field, cell.number) for cell in reader.cells(1) if cell.relabelled}
    asked = json.loads(run("ask", "--profile", "x100", "--db", path, "--by", "Bob", "--cells", 60, "--json"))["cells"]
    assert {(one["session"], one["field"], one["cell"]) for one in asked} == first
    run("verify", "--profile", "x100", "--db", path, "--by", "Bob", "--ask", "--cells", 60, keys="n" * 58 + "ll")
    both = json.loads(run("show", "--profile", "x100", "--json"))["verification"]["agreement"]
    assert both["readers"] == ["Ada", "Bob"]
    assert (both["cells"], both["same"]) == (60, 58)


def test_a_session_recorded_under_a_verification_says_so_and_widens_by_it(path: Path, tmp_path: Path) -> None:
    name_all(path, wrong=7)
    line = json.loads(run("verify", "--profile", "x100", "--db", path, "--json"))["line"]
    part = ProfileFolder(tmp_path / "profiles").load("x100").site
    for number, model in enumerate((MODEL, "cd" * 32)):
        section = {SECTION: site_section(part, model, None, {})}
        record(path, LABELS, settings=section, model_sha256=model, confusion=((1,) * 8,) * 8)
        with Reader(path) as reader:
            report = build_report(reader)
        expected = line if not number else "microscope not verified"
        assert report.verified == expected
        assert expected in list(report_lines(report))
        assert ("reviewed cells of this microscope" in report.method) == (not number)
