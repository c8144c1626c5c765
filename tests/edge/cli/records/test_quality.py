"""`qc` as it is typed, over real sessions of control slides."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import typer
from control_sessions import STEADY_PX, record_control, record_ordinary
from typer.testing import CliRunner

from hemato_edge.cli.records import quality, session
from hemato_edge.errors import ConfigurationError
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("qc") / "records.db"
    record_control(made, (*STEADY_PX, 41.0, 42.0), lot="<QC & 7>")
    record_ordinary(made, [231.0 - 2 * i for i in range(12)])
    return made


def run(*arguments: object, code: int = 0) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    quality.register(app)
    session.register(app)
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def test_text_says_what_is_broken_and_what_drifts(path: Path) -> None:
    text = run("qc", "--db", path)
    assert "lot <QC & 7>: OUT OF CONTROL" in text
    assert "22 sessions; limits from sessions 1 to 20." in text
    assert re.search(r"Red-cell size +41.00 ± 0.15 px +42.00 px +\+6.9 +1-2s 1-3s", text)
    assert "1-3s: one result beyond 3 standard deviations." in text
    assert re.search(r"Lamp .*, 12 sessions \(23 to 34\): DRIFTS from 231.0 to 209.0, -2.000 a session", text)
    assert "in 79 sessions" in text
    assert text.rstrip().endswith("For Research Use Only. Not for use in diagnostic procedures.")


def test_json_has_every_point_and_the_states(path: Path) -> None:
    found = json.loads(run("qc", "--db", path, "--json"))
    (lot,) = found["lots"]
    size = next(chart for chart in lot["charts"] if chart["measure"]["name"] == "red_cell_px")
    assert (lot["state"], size["state"], len(size["points"])) == ("out of control", "out of control", 22)
    assert size["points"][-1]["broken"] == ["1-2s", "1-3s"]
    assert [one["measure"]["name"] for one in found["drifts"] if one["drifts"]] == ["lamp"]


def test_the_page_is_whole_in_itself_and_nothing_in_it_runs(path: Path, tmp_path: Path) -> None:
    run("qc", "--db", path, "--format", "html", "--out", tmp_path / "qc.html")
    page = (tmp_path / "qc.html").read_text(encoding="utf-8")
    assert "&lt;QC &amp; 7&gt;" in page
    assert "<QC" not in page
    assert page.count("<svg") == 8  # size, unclassified, six classes; the stain does not vary here
    assert "the baseline does not vary at all" in page
    assert not re.search(r"<script|<link|src=|href=", page)


def test_a_named_baseline_and_another_lot(path: Path) -> None:
    assert "limits from sessions 2 to 21" in run("qc", "--db", path, "--baseline", "2-10,11-21")
    assert "No control slide" in run("qc", "--db", path, "--lot", "other")
    with pytest.raises(ConfigurationError):
        run("qc", "--db", path, "--baseline", "1-5")
    for wrong in ("a", "3-1", "1-99999999"):
        assert "no list of sessions" in run("qc", "--db", path, "--baseline", wrong, code=2)


def test_a_mark_is_kept_in_the_chain(tmp_path: Path) -> None:
    record_ordinary(tmp_path / "records.db", [231.0])
    run("session", "control", 1, "QC-9", "--db", tmp_path / "records.db", "--by", "Ada")
    with Reader(tmp_path / "records.db") as reader:
        assert reader.session(1).control == "QC-9"
    assert all(not step.found for step in check(tmp_path / "records.db").steps)


@pytest.mark.parametrize("lot", [" ", "QC\t9", "QC\n9"])
def test_a_lot_without_a_name_that_can_be_printed_is_refused(tmp_path: Path, lot: str) -> None:
    record_ordinary(tmp_path / "records.db", [231.0])
    with pytest.raises(ConfigurationError, match="lot"):
        run("session", "control", 1, lot, "--db", tmp_path / "records.db", "--by", "Ada")


@pytest.mark.parametrize("lot", ["", "QC\t1"])
def test_a_run_of_a_lot_without_a_name_does_not_begin(
    program: Callable[..., CompletedProcess[str]], tmp_path: Path, lot: str
) -> None:
    done = program("run", "--camera", "demo", "--max-frames", 3, "--no-display", "--db", "c.db", "--control", lot)
    assert done.returncode != 0
    assert "lot" in done.stderr
    assert not (tmp_path / "c.db").exists()


def test_a_run_records_the_lot(program: Callable[..., CompletedProcess[str]], tmp_path: Path) -> None:
    done = program("run", "--camera", "demo", "--max-frames", 3, "--no-display", "--db", "c.db", "--control", "QC-1")
    assert done.returncode == 0, done.stderr
    assert "Control slide of lot QC-1: no baseline." in done.stdout
    with Reader(tmp_path / "c.db") as reader:
        assert reader.control_lots() == {1: "QC-1"}
