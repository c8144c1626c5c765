"""`hemato-edge bench` as a person types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import pytest

from hemato_edge.bench.figures import Report

Program = Callable[..., CompletedProcess[str]]


def test_a_quick_run_as_a_document_with_a_picture_against_itself(program: Program, tmp_path: Path) -> None:
    done = program("bench", "--quick", "--json", "--plot", "x.png", timeout_s=600)
    assert done.returncode == 0, done.stderr
    report = Report.model_validate_json(done.stdout)
    names = {one.name for one in report.figures}
    assert {
        "start.first_cell",
        "models.load",
        "classifier.threads_1.batch_1",
        "locator.threads_1.batch_1",
        "frame.still",
        "frame.moving",
        "frame.worst",
        "stage.worst.locate",
        "around.locator",
        "store.commit",
        "program.moving",
    } <= names
    assert all(one.min > 0 for one in report.figures if not one.name.startswith("around."))
    assert [one.scene for one in report.scenes] == ["still", "moving", "worst"]
    assert {one.moment for one in report.climate} == {"before", "during", "after"}
    assert {model.task for model in report.device.models} == {"classify", "locate"}
    assert (report.memory.run_peak_mb or 0) > 20
    assert report.limits
    assert cv2.imread(str(tmp_path / "x.png")) is not None
    left = [path for path in tmp_path.rglob("*") if "bench" in path.name]
    assert left == []  # the passing databases are gone
    assert not (tmp_path / ".local").exists()  # nor was the real one made


def test_the_schema_is_one_document(program: Program) -> None:
    done = program("bench", "--schema")
    assert done.returncode == 0
    schema = json.loads(done.stdout)
    assert schema["properties"]["schema"]["const"] == "hemato-edge/bench/1"
    assert "figures" in schema["required"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--plot", "x.gif"), 2, "must end in .png, .svg or .html"),
        (("--compare", "nothing.json"), 13, "nothing.json cannot be read"),
        (("--tune", "--markdown"), 2, "goes with --json"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_measured(
    program: Program, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = program("bench", *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
def test_tuning_writes_only_what_is_surely_better(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("# mine\n[model]\nthreads = 1  # one\n")
    done = program("bench", "--tune", "--quick", "--json", "--config", "x.toml", timeout_s=600)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["schema"] == "hemato-edge/bench-tune/1"
    changed = found["best"] != found["current"]
    assert found["written"] == ("x.toml" if changed else None)
    assert file.read_text() == f"# mine\n[model]\nthreads = {found['best']}  # one\n"
