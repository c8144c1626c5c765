from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from hemato_edge.errors import DataError
from hemato_training.cli import train

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    train.register(app)
    return app


def invoke(app: typer.Typer, *words: str) -> Any:
    return CliRunner().invoke(app, ["train", *words])


def test_a_command_a_task(app: typer.Typer) -> None:
    shown = invoke(app, "--help").output
    for name in ("classify", "locate", "compare", "average", "site"):
        assert name in shown
    assert "--label-smoothing" in invoke(app, "classify", "--help").output
    assert "--red-cell-px" in invoke(app, "locate", "--help").output


@pytest.mark.parametrize("task", [[], ["--task", "classify"], ["--task=classify"]])
def test_the_old_spelling_works_with_a_note(app: typer.Typer, task: list[str]) -> None:
    pytest.importorskip("tensorflow")
    result = invoke(app, *task, "--data", "/nowhere", "--out", "/nowhere/run")
    assert "train classify" in result.stderr
    assert isinstance(result.exception, DataError)


def test_a_site_is_a_command_and_an_option(app: typer.Typer, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    for words in (["site"], ["--site"]):
        result = invoke(app, *words, str(tmp_path), "--data", "/nowhere", "--out", str(tmp_path / "own.tflite"))
        assert isinstance(result.exception, DataError)
        assert "has no picture" in str(result.exception)
        assert str(tmp_path) in str(result.exception)


def test_the_old_spelling_of_the_locator(app: typer.Typer) -> None:
    result = invoke(app, "--task", "locate", "--head-epochs", "3")
    assert "train locate" in result.stderr
    assert result.exit_code == 2  # an option that means nothing for a locator
    assert invoke(app, "--task", "dance").exit_code == 2


def test_an_average_is_of_networks_and_is_not_cross_validated(app: typer.Typer, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    where = ["--data", str(tmp_path), "--out", str(tmp_path / "run")]
    result = invoke(app, "classify", *where, "--members", "3", "--folds", "4")
    assert result.exit_code == 2
    assert "not together with --folds" in result.output
    result = invoke(app, "classify", *where, "--members", "3", "--arch", "features+svm")
    assert result.exit_code == 2
    assert "of a network only" in result.output
