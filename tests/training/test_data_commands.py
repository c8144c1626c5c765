"""`hemato-edge data` as a person types it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from training.drawn_blood import draw_pbc
from typer.testing import CliRunner

from hemato_edge.errors import DataError, MissingExtraError
from hemato_training.cli import data


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)
    data.register(app)
    return app


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "own"
    draw_pbc(folder, 4, 1, np.random.default_rng(5))
    (folder / "index.csv").unlink()
    return folder


@pytest.fixture
def own(drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn, tmp_path / "data" / "own"))


def test_check_split_check(app: typer.Typer, own: Path) -> None:
    first = CliRunner().invoke(app, ["data", "check", str(own)], catch_exceptions=False)
    assert first.exit_code == 0
    assert "no split yet" in first.stdout
    divided = CliRunner().invoke(app, ["data", "split", str(own), "--val", "0.2"], catch_exceptions=False)
    assert divided.exit_code == 0
    assert "SHA-256" in divided.stdout
    result = CliRunner().invoke(app, ["data", "check", str(own), "--json"], catch_exceptions=False)
    report = json.loads(result.stdout)
    assert report["splits"]["val"]["cells"]["basophil"] == 1
    assert report["errors"] == 0


def test_a_leak_is_exit_code_9(app: typer.Typer, own: Path) -> None:
    CliRunner().invoke(app, ["data", "split", str(own), "--val", "0.2"], catch_exceptions=False)
    split = {row.split(",")[0]: row.split(",")[2] for row in (own / "index.csv").read_text().splitlines()[1:]}
    train = next(name for name in split if split[name] == "train")
    val = next(name for name in split if split[name] == "val")
    shutil.copy(own / train, own / val)
    for words in ([], ["--json"]):
        result = CliRunner().invoke(app, ["data", "check", str(own), *words], catch_exceptions=False)
        assert result.exit_code == 9
    assert json.loads(result.stdout)["findings"][0]["code"] == "copies_across_splits"


def test_split_as_json(app: typer.Typer, own: Path) -> None:
    words = ["data", "split", str(own), "--test", "0.2", "--val", "0.2", "--json"]
    result = json.loads(CliRunner().invoke(app, words, catch_exceptions=False).stdout)
    assert set(result["splits"]) == {"train", "val", "test"}
    assert len(result["split_sha256"]) == 64
    again = CliRunner().invoke(app, words)
    assert isinstance(again.exception, DataError)


def test_list(app: typer.Typer) -> None:
    listed = json.loads(CliRunner().invoke(app, ["data", "list", "--json"]).stdout)
    assert {"bccd", "pbc", "chula-rbc-12"} <= {one["name"] for one in listed}
    shown = CliRunner().invoke(app, ["data", "list"]).stdout
    assert "CC-BY-4.0" in shown


def test_download_from_a_file(app: typer.Typer, own: Path, tmp_path: Path) -> None:
    pytest.importorskip("requests")
    (tmp_path / "top").mkdir()
    own.rename(tmp_path / "top" / "PBC_dataset_normal_DIB")
    archive = shutil.make_archive(str(tmp_path / "pbc"), "zip", tmp_path / "top")
    words = ["data", "download", "pbc", "--to", str(tmp_path / "sets"), "--from", archive]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert "CC-BY-4.0" in result.stdout
    assert (tmp_path / "sets" / "pbc" / "basophil").is_dir()


def test_download_without_requests(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)
    result = CliRunner().invoke(app, ["data", "download", "bccd"])
    assert isinstance(result.exception, MissingExtraError)


def test_check_needs_nothing_of_the_workstation(own: Path) -> None:
    code = (
        "import sys; from hemato_training.data.splitting import check, split; "
        "sys.exit(bool({'tensorflow', 'keras', 'sklearn', 'requests'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
