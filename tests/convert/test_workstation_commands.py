"""`train`, `convert` and `evaluate` as a person types them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
import typer
from training.drawn_blood import draw_data
from typer.testing import CliRunner

from hemato_edge.errors import DataError, MissingExtraError
from hemato_training.cli import convert, evaluate, train

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ["--arch", "tiny", "--size", "64", "--weights", "none", "--batch", "16", "--epochs", "1", "--head-epochs", "0"]

BARE = ["--min-agreement", "0", "--representative", "100", "--second-look-views", "1"]
"""Converted whatever it is; what the network answers at first look is the answer."""


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)
    for group in (train, convert, evaluate):
        group.register(app)
    return app


def test_the_whole_way(app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorflow")
    from training.tiny_network import TINY

    from hemato_training.networks.backbones import ARCHITECTURES

    monkeypatch.setitem(ARCHITECTURES, "tiny", TINY)
    data = str(draw_data(tmp_path / "data", train=2, val=1))
    run, bundle, cache = (str(tmp_path / name) for name in ("run", "small.tflite", "cells"))

    told: list[str] = []

    def ask(*words: str) -> dict:
        result = CliRunner().invoke(app, [*words, "--data", data, "--cache", cache, "--json"], catch_exceptions=False)
        assert result.exit_code == 0
        told.append(result.stderr)
        return json.loads(result.stdout)

    trained = ask("train", "--out", run, *SMALL)
    assert set(trained["laboratories"]) == {"pbc", "bccd"}
    made = ask("convert", run, "--out", bundle, *BARE)
    assert made["bytes"] > 5_000
    assert f"hemato-edge train second-look {bundle} --data DATA" in told[-1]
    assert set(made["parity"]) >= {"agreement", "float_accuracy", "int8_accuracy", "worst"}
    judged = ask("evaluate", bundle)
    assert judged["overall"]["cells"] == 12
    assert judged["overall"]["accuracy"] == pytest.approx(made["parity"]["int8_accuracy"])
    floated = ask("evaluate", f"{run}/model.keras", "--laboratory", "bccd")
    assert list(floated["laboratories"]) == ["bccd"]
    again = CliRunner().invoke(app, ["evaluate", bundle, "--data", data, "--cache", cache], catch_exceptions=False)
    assert "balanced" in again.stdout


def test_train_without_data(app: typer.Typer, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    result = CliRunner().invoke(app, ["train", "--data", str(tmp_path / "no"), "--out", str(tmp_path / "run")])
    assert isinstance(result.exception, DataError)
    assert CliRunner().invoke(app, ["train"]).exit_code == 2


@pytest.mark.parametrize("words", [["train", "--data", "d", "--out", "o"], ["evaluate", "m.tflite", "--data", "d"]])
def test_missing_extra(app: typer.Typer, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, MissingExtraError)
    assert "pip install 'hemato-edge[train]'" in str(result.exception)
    assert result.exception.exit_code == 7


def test_importing_the_commands_brings_nothing_of_the_workstation() -> None:
    import subprocess

    code = (
        "import sys; from hemato_edge.cli import main; "
        "sys.exit(bool({'tensorflow', 'keras', 'matplotlib', 'sklearn', 'hemato_training'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
