"""`hemato-edge reanalyze` as a person types it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from archived import draw_slides, stricter_model, table
from outcomes import assert_one_line_error
from recorded import NOON, record

from hemato_edge.archives.parquet import require_pyarrow
from hemato_edge.errors import MissingExtraError
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from conftest import Program

pytest.importorskip("pyarrow", reason="pyarrow is not installed")


@pytest.mark.slow
def test_two_models_are_compared(program: Program, tmp_path: Path) -> None:
    archive, out = draw_slides(tmp_path / "archive", 2, 1), tmp_path / "out"
    (archive / "slide1/bad.png").write_text("no picture")
    models = ("--model", "shipped", "--model", stricter_model(tmp_path / "stricter.tflite"))
    done = program("reanalyze", archive, "-r", "--out", out, *models, "-j", 1)
    assert done.returncode == 8, done.stderr
    assert "bad.png is not a picture" in done.stderr
    assert "1 file could not be analysed" in done.stdout
    assert "now     stricter" in done.stdout
    assert "→ unclassified" in done.stdout
    assert "No person has named any of these cells" in done.stdout
    old, new = sorted(out.glob("*-*"))
    assert (old.name.split("-")[0], new.name.split("-")[0]) == ("classifier", "stricter")
    assert len(table(old, "cells")) == len(table(new, "cells"))
    told = json.loads((new / "comparison.json").read_text())
    assert told["changed"] == len(table(new, "changed")) > 0
    again = program("reanalyze", "--compare", old, "--out", new, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["comparison"] == told


@pytest.mark.slow
def test_sessions_of_a_database_with_what_a_person_said(program: Program, tmp_path: Path) -> None:
    db, out = tmp_path / "records.db", tmp_path / "out"
    record(db, ["neutrophil"] * 6, pictures=True)
    record(db, ["monocyte"] * 2, pictures=True)
    with open_writer(db) as writer:
        writer.relabel(1, 0, 0, "basophil", "Ada", NOON)
    done = program("reanalyze", "--db", db, "--session", 1, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["runs"][0]["sources"], json.loads(done.stdout)["runs"][0]["failed"]) == (1, 0)
    cells = table(out, "cells")
    assert [row["reviewed"] for row in cells] == ["basophil", *[None] * 5]
    assert {row["recorded"] for row in cells} == {"neutrophil"}
    usual = program("reanalyze", "--session", 1, "--out", tmp_path / "other", HEMATO_EDGE_STORE__PATH=str(db))
    assert "1 source, 2 fields, 6 cells" in usual.stdout
    assert "2 sources, 1 of them from earlier calls" in program("reanalyze", "--db", db, "--out", out).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "o"], "name pictures, videos or folders"),
        (["x.png", "--out", "o", *["--model", "shipped"] * 3], "twice at most"),
        (["x.png", "--out", "o", *["--model", "shipped"] * 2], "both models are the same file"),
        (["x.png"], "Missing option"),
    ],
)
def test_what_cannot_be_meant_is_refused(program: Program, tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "x.png").write_text("x")
    done = program("reanalyze", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_file_for_the_results_and_a_comparison_with_itself_are_refused(program: Program, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("x")
    (tmp_path / "old").mkdir()
    done = program("reanalyze", "x.png", "--out", "x.png")
    assert (done.returncode, "x.png is a file, not a folder" in done.stderr) == (2, True)
    done = program("reanalyze", "--compare", "old", "--out", "./old/../old")
    assert (done.returncode, "cannot be compared with itself" in done.stderr) == (2, True)


def test_one_of_a_thing_is_told_in_the_singular(tmp_path: Path) -> None:
    from hemato_edge.archives.reanalysis import Summary
    from hemato_edge.cli.records.reanalyze_view import summary_lines

    one = list(summary_lines(Summary(1, 1, 1, 1, 1, 1, "{}"), tmp_path))
    assert one[0] == f"{tmp_path}: 1 source, 1 field, 1 cell"
    assert one[1].startswith("1 file could not be analysed")
    assert "2 sources, 1 of them from earlier calls, 0 fields" in next(
        summary_lines(Summary(2, 0, 0, 0, 1, 0, "{}"), tmp_path)
    )


def test_progress_names_a_failed_file_once_and_no_time_left_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    from hemato_edge.archives.reanalysis import Progress
    from hemato_edge.cli.records.reanalyze_view import said, told

    state = Progress(1, 1, 1)
    state.newest = "/slides", ("/slides/bad.png is not a picture, or it is damaged.",)
    with told("analysing") as tell:
        tell(state)
    assert capsys.readouterr().err == "error: /slides/bad.png is not a picture, or it is damaged.\n"
    assert said(state).startswith("1 of 1 source, 0 pictures")
    assert "left" not in said(state)


@pytest.mark.parametrize("address", ["foo", "tcp://", "tcp://host", "10.0.0.5:8786", "tcp://host:port"])
def test_an_address_that_is_none_is_refused_before_anything_connects(address: str) -> None:
    pytest.importorskip("distributed")
    from hemato_edge.archives.cluster import run_on_cluster
    from hemato_edge.errors import ArchiveError

    with pytest.raises(ArchiveError, match="no address of a Dask scheduler") as refused:
        next(run_on_cluster(None, [], address))  # type: ignore[arg-type]
    assert "tcp://10.0.0.5:8786" in refused.value.fix


def test_what_is_not_there_is_told_in_a_line(program: Program, tmp_path: Path) -> None:
    assert_one_line_error(program("reanalyze", "gone", "--out", "o"), 14, "There is no file gone", "Check the path")
    (tmp_path / "empty").mkdir()
    assert_one_line_error(program("reanalyze", "empty", "--out", "o"), 14, "no picture and no video", "--recursive")
    assert_one_line_error(program("reanalyze", "--db", "gone.db", "--out", "o"), 5, "There is no database")
    assert_one_line_error(program("reanalyze", "--compare", "a", "--out", "b"), 14, "cannot be read")


def test_a_missing_library_says_which_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="pyarrow") as told:
        require_pyarrow()
    assert told.value.fix == "pip install 'hemato-edge[archive]'"
    from hemato_edge.archives.cluster import require_distributed

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match="distributed") as told:
        require_distributed()
    assert told.value.fix == "pip install 'hemato-edge[archive,cluster]'"
