"""Whole small runs with TensorFlow on drawn cells."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import keras
from training.tiny_network import TINY

from hemato_edge.errors import ConfigurationError, DataError, ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.classify import fit
from hemato_training.classify.material import gather
from hemato_training.evaluate.evaluation import evaluate, open_model
from hemato_training.networks.backbones import ARCHITECTURES
from hemato_training.progress import Silent
from hemato_training.runs.schedule import learnt_weights
from hemato_training.runs.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_training.classify.material import Material
    from hemato_training.progress import Reporter

FAST = {
    "architecture": "tiny",
    "size": 64,
    "weights": "none",
    "head_epochs": 1,
    "epochs": 2,
    "batch": 16,
    "oversample": 2.0,
}


@pytest.fixture(scope="module", autouse=True)
def tiny():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "tiny", TINY)
        yield


@pytest.fixture(scope="module", autouse=True)
def gathered_once():
    """Runs on the same cells share them: each would find, measure and prepare them anew."""
    kept: dict[object, Material] = {}

    def gather_once(settings: Settings, cache: Path, reporter: Reporter) -> Material:
        cells = (settings.data, settings.laboratories, settings.size)
        if cells not in kept:
            kept[cells] = gather(settings, cache, reporter)
        return kept[cells]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "gather", gather_once)
        yield


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For runs of which only the figures are looked at."""
    monkeypatch.setattr(fit, "draw_curves", lambda *_: None)
    monkeypatch.setattr(fit, "draw_confusion", lambda *_: None)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cells")


@pytest.fixture(scope="module")
def run(drawn_data: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path):
    settings = Settings(data=drawn_data, out=tmp_path_factory.mktemp("runs") / "whole", **FAST)
    return settings, fit.train(settings, cache=cache)


def test_writes_model_figures_and_pictures(run) -> None:
    settings, outcome = run
    for name in ("model.keras", "run.json", "metrics.json", "curves.png", "confusion_pbc.png", "confusion_all.png"):
        assert (settings.out / name).stat().st_size > 500
    metrics = json.loads((settings.out / "metrics.json").read_text())
    assert [entry["stage"] for entry in metrics["history"]] == ["head", "fine", "fine"]
    assert set(metrics["laboratories"]) == {"pbc", "bccd"}
    assert set(metrics["overall"]["per_class"]) == set(CLASSIFIER_LABELS)
    assert np.sum(metrics["overall"]["confusion"]) == metrics["overall"]["cells"] == 24
    described = json.loads((settings.out / "run.json").read_text())
    assert described["settings"]["seed"] == 1
    assert len(described["data"]["pbc"]["split_sha256"]) == 64
    assert described["looks"]["bccd"]["red_cell_px"] > 10
    assert outcome.epoch in (1, 2, 3)


def test_the_loss_with_label_smoothing_stands_beside_the_plain_one(
    run, drawn_data: Path, tmp_path: Path, cache: Path
) -> None:
    """The two differ by what smoothing adds; without smoothing they are one and the same."""
    plain = json.loads((run[0].out / "metrics.json").read_text())["history"]
    assert [entry["cross_entropy"] for entry in plain] == pytest.approx([entry["loss"] for entry in plain], rel=1e-3)
    smoothed = Settings(data=drawn_data, out=tmp_path / "smooth", label_smoothing=0.3, **FAST)
    fit.train(smoothed, cache=cache)
    history = json.loads((smoothed.out / "metrics.json").read_text())["history"]
    assert all(entry["loss"] != pytest.approx(entry["cross_entropy"], rel=1e-3) for entry in history)
    assert (smoothed.out / "curves.png").stat().st_size > 500


def test_model_takes_bytes_and_gives_logits(run) -> None:
    _, outcome = run
    judged = open_model(outcome.model)
    assert judged.size == 64
    logits = judged.logits(np.zeros((3, 64, 64, 3), np.uint8))
    assert logits.shape == (3, 8)
    assert not np.allclose(logits.sum(axis=1), 1)


def test_evaluate_gives_the_figures_of_the_run(run, drawn_data: Path, cache: Path) -> None:
    _, outcome = run
    evaluation = evaluate(outcome.model, drawn_data, cache)
    assert evaluation.overall.confusion == outcome.overall.confusion
    assert evaluation.as_json()["laboratories"]["bccd"]["cells"] == 8


class StopIn(Silent):
    """Presses Ctrl-C during the first batches of one epoch."""

    def __init__(self, epoch: int) -> None:
        self._word = f"epoch {epoch} "

    def track(self, items, what: str, total: int):
        for n, item in enumerate(items):
            if self._word in what and n == 2:
                raise KeyboardInterrupt
            yield item


@pytest.mark.usefixtures("no_pictures")
def test_resumed_run_ends_as_the_whole_one(run, drawn_data: Path, tmp_path: Path, cache: Path) -> None:
    settings, outcome = run
    cut = replace(settings, out=tmp_path / "cut")
    with pytest.raises(KeyboardInterrupt):
        fit.train(cut, cache=cache, reporter=StopIn(3))
    assert (cut.out / "model.keras").exists()
    state = json.loads((cut.out / "checkpoint" / "state.json").read_text())
    assert state["epoch"] == 2
    with pytest.raises(DataError, match="already holds a run"):
        fit.train(cut, cache=cache)
    resumed = fit.train(cut, resume=True, cache=cache)
    assert resumed.epoch == outcome.epoch
    histories = [json.loads((r.out / "metrics.json").read_text())["history"] for r in (settings, cut)]
    whole, again = ([entry["loss"] for entry in history] for history in histories)
    # sums over threads differ in the last bits from run to run, resumed or not
    assert again == pytest.approx(whole, rel=1e-4)
    weights = [keras.models.load_model(r.out / "checkpoint" / "epoch-003.keras").get_weights() for r in (settings, cut)]
    assert max(float(np.abs(a - b).max()) for a, b in zip(*weights, strict=True)) < 1e-4


def test_resume_keeps_the_optimiser(run) -> None:
    settings, _ = run
    kept = keras.models.load_model(settings.out / "checkpoint" / "epoch-003.keras")
    steps = int(kept.optimizer.iterations)
    assert steps == 2 * ((48 + 2 * 24) // 16)
    assert len(kept.optimizer.averages()) == len(kept.trainable_variables)
    moments = [np.abs(np.asarray(v)).max() for v in kept.optimizer.variables if "momentum" in v.path]
    assert moments
    assert max(moments) > 0


def test_resume_refuses_another_run(run, cache: Path) -> None:
    settings, _ = run
    with pytest.raises(DataError, match="another seed, size|another size, seed"):
        fit.train(replace(settings, seed=2, size=80), resume=True, cache=cache)


@pytest.mark.usefixtures("no_pictures")
def test_finished_run_can_be_resumed(run, cache: Path) -> None:
    settings, outcome = run
    assert fit.train(settings, resume=True, cache=cache).overall.confusion == outcome.overall.confusion


@pytest.mark.usefixtures("no_pictures")
def test_early_stopping(drawn_data: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "macro_accuracy", lambda by_name: 0.5)
    monkeypatch.setattr("hemato_training.metrics.classification.negative_log_likelihood", lambda *a: 1.0)
    settings = Settings(data=drawn_data, out=tmp_path / "stops", **{**FAST, "epochs": 9, "patience": 1})
    fit.train(settings, cache=cache)
    history = json.loads((settings.out / "metrics.json").read_text())["history"]
    assert len(history) == 2  # the head's epoch, then one that is no better


@pytest.mark.usefixtures("no_pictures")
def test_it_learns(drawn_data: Path, tmp_path: Path, cache: Path) -> None:
    """Drawn cells differ by colour, so a tiny network without pretrained weights must tell some apart."""
    settings = Settings(
        data=drawn_data,
        out=tmp_path / "learns",
        **{**FAST, "epochs": 10, "train_batch_norm": True, "strength": 0.0, "learning_rate": 2e-3, "average": 0.0},
    )
    fit.train(settings, cache=cache)
    losses = [e["loss"] for e in json.loads((settings.out / "metrics.json").read_text())["history"]]
    assert losses[-1] < 0.85 * losses[0]


def test_broken_checkpoint(run, tmp_path: Path, cache: Path) -> None:
    settings, _ = run
    folder = tmp_path / "broken" / "checkpoint"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text("{")
    with pytest.raises(DataError, match="checkpoint .* cannot be read"):
        fit.train(replace(settings, out=tmp_path / "broken"), resume=True, cache=cache)


@pytest.mark.usefixtures("no_pictures")
def test_keeping_the_last_epoch(run, tmp_path: Path, cache: Path) -> None:
    settings, _ = run
    shutil.copytree(settings.out, tmp_path / "kept")
    last = fit.train(replace(settings, out=tmp_path / "kept", keep="last"), resume=True, cache=cache)
    assert last.epoch == 3
    averages = learnt_weights(keras.models.load_model(settings.out / "checkpoint" / "epoch-003.keras"))
    kept = keras.models.load_model(last.model, compile=False).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(kept, averages, strict=True))


@pytest.mark.parametrize("wrong", [{"keep": "any"}, {"epochs": 0}, {"head_epochs": -1}, {"average": 1.0}, {"batch": 0}])
def test_impossible_settings(tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(ConfigurationError):
        Settings(data=tmp_path, out=tmp_path, **wrong)


def test_open_model_refuses(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"There is no .*a\.keras"):
        open_model(tmp_path / "a.keras")
    (tmp_path / "b.keras").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="no Keras model"):
        open_model(tmp_path / "b.keras")
    (tmp_path / "c.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="neither"):
        open_model(tmp_path / "c.onnx")
    keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]).save(
        tmp_path / "d.keras"
    )
    with pytest.raises(ModelError, match="not 8 logits"):
        open_model(tmp_path / "d.keras")
