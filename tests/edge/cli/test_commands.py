"""Commands are known by name, and loaded when one is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from hemato_edge.cli.commands import DEVICE_COMMANDS
from hemato_edge.cli.main import app

LOADED = """
import sys
from hemato_edge.cli.main import main
try:
    main()
except SystemExit:
    pass
print(*(name for name in sys.modules if name.startswith(("hemato_edge.cli.", "hemato_training"))), file=sys.stderr)
"""


def loaded_by(*words: str) -> set[str]:
    """The modules of commands that a process imports."""
    done = subprocess.run([sys.executable, "-c", LOADED, *words], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_every_command_is_there_under_its_name() -> None:
    root = get_command(app)
    for source in DEVICE_COMMANDS:
        command = root.get_command(None, source.name)
        assert command.help, source.name
        assert command.callback is None or command.callback.__module__.startswith("hemato_edge.cli")


@pytest.mark.parametrize("source", DEVICE_COMMANDS, ids=lambda source: source.name)
def test_a_summary_is_one_line_of_the_list(source) -> None:
    listed = CliRunner().invoke(app, ["--help"], terminal_width=80).output
    assert f"  {source.name:<9}  {source.summary}\n" in listed
    assert source.summary.endswith(".")


def test_the_list_loads_no_command() -> None:
    commands = {source.module for source in DEVICE_COMMANDS} | {"hemato_training.cli.train"}
    assert not loaded_by("--help") & commands


def test_a_command_loads_no_other() -> None:
    others = {source.module for source in DEVICE_COMMANDS} - {"hemato_edge.cli.device.config"}
    assert not loaded_by("config", "--help") & others


def test_a_misspelt_command_is_told_from_names_that_are_not_loaded() -> None:
    said = CliRunner().invoke(app, ["anlyze"])
    assert said.exit_code == 2
    assert "Did you mean 'analyze'?" in said.output
