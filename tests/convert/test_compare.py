"""`train compare`: several architectures on one split, trained, converted and timed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("tensorflow")
import typer
from training.drawn_blood import draw_data
from training.tiny_network import TINY
from typer.testing import CliRunner

from hemato_edge.errors import ConfigurationError, DataError
from hemato_training.classify import compare as module
from hemato_training.classify.compare import Comparison, Row, compare, markdown, settings_of, table
from hemato_training.cli import train as train_command
from hemato_training.networks.backbones import ARCHITECTURES
from hemato_training.runs.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_data(tmp_path_factory.mktemp("data"), train=2, val=1)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setitem(ARCHITECTURES, "tiny", TINY)
    app = typer.Typer(pretty_exceptions_enable=False)
    train_command.register(app)
    return app


def settings(data: Path, out: Path, **changed) -> Settings:
    return Settings(data=data, out=out, **{"size": 64, "epochs": 1, "batch": 8, **changed})


def never(run: Path, bundle: Path) -> None:
    raise AssertionError


@pytest.mark.slow
def test_the_whole_way_and_again(app: typer.Typer, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "side by side"
    words = ["train", "compare", "--data", str(data), "--out", str(out), "--size", "64", "--epochs", "1"]
    words += ["--batch", "8", "--arch", "tiny", "--arch", "features+tree", "--json"]
    first = CliRunner().invoke(app, words, catch_exceptions=False)
    assert first.exit_code == 0
    rows = {row["name"]: row for row in json.loads(first.stdout)["rows"]}
    assert list(rows) == ["tiny", "features+tree"]
    assert set(rows["tiny"]["laboratories"]) == set(rows["tiny"]["int8_laboratories"]) == {"pbc", "bccd"}
    assert rows["tiny"]["cells"] == rows["features+tree"]["cells"] == 12
    assert rows["tiny"]["parameters"] > 1_000
    assert rows["tiny"]["bytes"] == (out / "tiny" / "model.tflite").stat().st_size
    assert rows["features+tree"]["bytes"] is None
    assert all(row["latency_ms"] > 0 for row in rows.values())
    assert json.loads((out / "compare.json").read_text())["rows"][0]["agreement"] == rows["tiny"]["agreement"]
    assert "| tiny |" in (out / "compare.md").read_text()

    for done_once in ("train", "train_classical"):
        monkeypatch.setattr(module, done_once, never)
    again = CliRunner().invoke(app, words, catch_exceptions=False)
    assert [row["accuracy"] for row in json.loads(again.stdout)["rows"]] == [r["accuracy"] for r in rows.values()]
    with pytest.raises(DataError, match="another seed"):
        CliRunner().invoke(app, [*words, "--seed", "7"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("names", "weights", "size", "message"),
    [
        (["nothing"], {}, 64, "Unknown architecture 'nothing'"),
        (["features+magic"], {}, 64, r"Unknown classical model 'features\+magic'"),
        (["simple_cnn", "simple_cnn"], {}, 64, "compared once"),
        ([], {}, 64, "compared once"),
        (["simple_cnn", "inception_v3"], {}, 64, "inception_v3 needs pictures of at least 75"),
        (["simple_cnn"], {"resnet50": "a.h5"}, 64, "Weights are named for resnet50"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_is_trained(
    data: Path, tmp_path: Path, names: list[str], weights: dict[str, str], size: int, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        compare(settings(data, tmp_path / "out", size=size), names, never, weights=weights)
    assert caught.value.fix
    assert not (tmp_path / "out").exists()


def test_weights_decide_how_it_is_trained(tmp_path: Path) -> None:
    base = settings(tmp_path, tmp_path / "out", head_epochs=1)
    plain, taught = settings_of(base, "resnet50", "none"), settings_of(base, "resnet50", "imagenet")
    assert (plain.head_epochs, plain.train_batch_norm, plain.learning_rate) == (0, True, module.FROM_NOTHING_RATE)
    assert (taught.head_epochs, taught.train_batch_norm, taught.weights) == (1, False, "imagenet")
    assert settings_of(base, "features+svm", "none").out == tmp_path / "out" / "features-svm"


@pytest.mark.parametrize("wrong", ["mobilenet_v2", "=file", "mobilenet_v2="])
def test_weights_without_an_architecture(app: typer.Typer, tmp_path: Path, wrong: str) -> None:
    words = ["train", "compare", "--data", "d", "--out", str(tmp_path), "--arch", "tiny", "--weights", wrong]
    with pytest.raises(ConfigurationError, match="names no architecture"):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_table_shows_what_there_is_and_a_dash_for_what_there_is_not() -> None:
    rows = (
        Row("resnet50", "none", 10, 0.9, 0.85, {"pbc": 0.9}, 1234567, 5_000_000, 0.89, {"pbc": 0.89}, 1.0, 0.97, 12.34),
        Row("features+svm", "", 10, 0.8, 0.75, {"pbc": 0.8}, latency_ms=30.0),
        Row("simple_cnn", "a.h5", 10, 0.7, 0.65, {"bccd": 0.7}, 99, fault="too odd"),
    )
    headings, body = table(Comparison({"size": 64, "epochs": 1, "seed": 1}, rows))
    assert headings[-2:] == ["pbc %", "bccd %"]
    assert body[0] == ["resnet50", "90.0", "85.0", "1,234,567", "5.00", "12.3", "1.0", "97.0", "90.0 → 89.0", "–"]
    assert body[1] == ["features+svm", "80.0", "75.0", "–", "–", "30.0", "–", "–", "80.0", "–"]
    assert body[2][0] == "simple_cnn, pretrained"
    assert markdown(Comparison({"size": 64, "epochs": 1, "seed": 1}, rows)).splitlines()[1].startswith("| --- | --: |")
