"""`config show`, `check` and `schema`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from hemato_edge.cli.device import config
from hemato_edge.errors import ConfigurationError
from hemato_edge.settings import known_keys

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer()
config.register(app)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["config", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_show_names_every_value_and_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.toml"
    file.write_text("[counting]\ntarget = 200\n")
    monkeypatch.setenv("HEMATO_EDGE_MODEL__THREADS", "2")
    lines = {line.split()[0]: line.split()[1:] for line in run("show", "--config", file).splitlines()}
    assert set(lines) == set(known_keys())
    assert lines["counting.target"] == ["200", "file", f"{file},", "line", "2"]
    assert lines["model.threads"] == ["2", "environment", "HEMATO_EDGE_MODEL__THREADS"]
    assert lines["model.path"] == ["-", "default"]
    document = json.loads(run("show", "--config", file, "--json"))
    assert document["file"] == str(file)
    assert document["settings"]["counting.target"] == {"value": 200, "origin": f"file {file}, line 2"}
    assert document["settings"]["model.path"] == {"value": None, "origin": "default"}


def test_check_says_good_or_why_not(tmp_path: Path) -> None:
    assert run("check").startswith("good: no configuration file at ")
    file = tmp_path / "x.toml"
    file.write_text("[counting]\ntarget = 200\n")
    assert run("check", file) == f"good: {file}\n"
    file.write_text("[counting]\ntarget = 200\ntarget_cells = 3\n")
    with pytest.raises(ConfigurationError, match=r"counting\.target_cells"):
        run("check", file)


def test_schema_is_a_json_schema_that_names_every_key() -> None:
    schema = json.loads(run("schema"))
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {key.split(".")[0] for key in known_keys()}


def test_check_as_json(tmp_path: Path) -> None:
    assert json.loads(run("check", "--json")) == {"good": True, "file": None}
    file = tmp_path / "x.toml"
    file.write_text("")
    assert json.loads(run("check", file, "--json")) == {"good": True, "file": str(file)}


def test_the_example_is_a_file_that_can_be_used(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(run("example"))
    assert run("check", file) == f"good: {file}\n"
    shown = json.loads(run("show", "--config", file, "--json"))["settings"]
    assert {entry["origin"] for entry in shown.values()} == {"default"}
