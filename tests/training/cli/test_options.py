from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from hemato_training.cli.options import descriptions, with_options
from hemato_training.locate.settings import LocateSettings
from hemato_training.runs.settings import Settings


@dataclass(frozen=True)
class Made:
    """Settings of a test.

    Attributes:
        out: where to write, a folder
            that need not be there.
        sizes: side of a thing.
        rate, decay: of the `optimiser`.
        both: whether both are wanted.
        hidden: not for people.
    """

    out: Path
    sizes: tuple[int, ...] = field(default=(), metadata={"option": "--size"})
    rate: float = 0.5
    decay: float = 0.1
    both: bool = field(default=False, metadata={"option": "--both"})
    hidden: int = field(default=3, metadata={"option": ""})


@pytest.fixture
def told() -> tuple[typer.Typer, list[Any]]:
    app, seen = typer.Typer(), []

    def run(values: dict[str, Any], loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
        """What it does."""
        seen.append((Made(**values), loud))

    app.command()(with_options(run, Made, defaults={"rate": 0.7}))
    return app, seen


def test_what_is_typed_becomes_settings(told: tuple[typer.Typer, list[Any]]) -> None:
    app, seen = told
    words = ["--out", "x", "--size", "3", "--size", "4", "--decay", "0.2", "--both", "--loud"]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    assert CliRunner().invoke(app, ["--out", "x"], catch_exceptions=False).exit_code == 0
    assert seen == [(Made(Path("x"), (3, 4), 0.7, 0.2, True), True), (Made(Path("x"), rate=0.7), False)]


def test_what_is_needed_or_unknown_is_said(told: tuple[typer.Typer, list[Any]]) -> None:
    assert CliRunner().invoke(told[0], []).exit_code == 2
    assert CliRunner().invoke(told[0], ["--out", "x", "--hidden", "1"]).exit_code == 2
    shown = CliRunner().invoke(told[0], ["--help"]).output
    assert "What it does." in shown
    assert "Side of a thing" in shown


def test_the_docstring_is_the_help() -> None:
    assert descriptions(Made)["out"] == "Where to write, a folder that need not be there."
    assert descriptions(Made)["decay"] == descriptions(Made)["rate"] == "Of the optimiser."


@pytest.mark.parametrize("settings", [Settings, LocateSettings])
def test_every_setting_is_described(settings: type) -> None:
    assert set(descriptions(settings)) == set(settings.__dataclass_fields__)


def test_settings_load_nothing_heavy() -> None:
    code = (
        "import sys; from hemato_training.cli import train; "
        "sys.exit(bool({'keras', 'tensorflow', 'numpy', 'cv2'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
