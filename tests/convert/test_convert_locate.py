"""A locator from the commands to the device: train, stop, resume, convert, verify, look at a field."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import keras
from training.drawn_fields import RED_PX, draw_fields
from typer.testing import CliRunner

from hemato_convert.locate import choose_thresholds, convert_locator, is_locator_run, representative_windows
from hemato_convert.locate_graph import with_copies_for_enlargement
from hemato_edge.cli.main import app
from hemato_edge.errors import ConfigurationError, DataError, ModelError
from hemato_edge.labels import KINDS
from hemato_edge.models.bundle import read_bundle
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.models.locator_model import LocatorModel
from hemato_edge.values import Detections
from hemato_edge.vision.locate.choice import TFLiteLocator
from hemato_edge.vision.locate.windows import WindowSpec
from hemato_training.data.field_sets import load_fields
from hemato_training.data.formats.annotations import Boxes
from hemato_training.locate.evaluation import KerasHeat
from hemato_training.locate.fit import train_locator
from hemato_training.locate.settings import LocateSettings
from hemato_training.networks import locator as locate_network
from hemato_training.networks.locator import LEVELS, build_locator, multiply_adds
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPEC = WindowSpec(128, 96, 24.0)


def tiny_trunk(height: int, width: int, alpha: float, weights: str) -> keras.Model:
    """Maps at the same shares of the picture as MobileNetV2's, without its fifty layers."""
    image = features = keras.Input((height, width, 3))
    features = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(features)
    for name in LEVELS:
        features = keras.layers.Conv2D(12, 3, strides=2, padding="same", use_bias=False)(features)
        features = keras.layers.ReLU(6.0, name=name)(keras.layers.BatchNormalization()(features))
    return keras.Model(image, features)


@pytest.fixture(scope="module", autouse=True)
def small_networks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(locate_network, "_trunk", tiny_trunk)
        yield


def settings(data: Path, out: Path, **changes: object) -> LocateSettings:
    small = LocateSettings(
        data=data,
        out=out,
        sets=("bccd",),
        channels=8,
        weights="none",
        width=SPEC.width,
        height=SPEC.height,
        red_cell_px=SPEC.red_cell_px,
        view=64,
        epochs=2,
        batch=4,
        average=0.0,
        oversample=1,
        clean_at=(0.5,),
        judge_every=1,
        workers=1,
    )
    return replace(small, **changes)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_fields(tmp_path_factory.mktemp("fields"))


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped after its first epoch and resumed."""
    out = tmp_path_factory.mktemp("runs") / "small"

    class Stop(Silent):
        def note(self, text: str) -> None:
            if text.startswith("epoch 2"):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_locator(settings(data, out), reporter=Stop())
    outcome = train_locator(settings(data, out), resume=True)
    assert outcome.epoch in (1, 2)
    return out


@pytest.fixture(scope="module")
def bundle(run: Path, data: Path) -> Path:
    path = run / "locator.tflite"
    conversion = convert_locator(run, path, data, representative=4, max_loss=1.0)
    assert conversion.bytes < 1_000_000
    return path


def test_a_run_says_what_it_was(run: Path) -> None:
    assert is_locator_run(run)
    facts = json.loads((run / "run.json").read_text())
    assert facts["data"]["bccd"]["train"] == 6
    assert facts["red_cell_px"]["bccd"] == pytest.approx(RED_PX, rel=0.15)
    metrics = json.loads((run / "metrics.json").read_text())
    assert [entry["epoch"] for entry in metrics["history"]] == [1, 2]
    assert set(metrics["figures"]["bccd"]) == set(KINDS)


def test_another_run_is_not_resumed(run: Path, data: Path) -> None:
    with pytest.raises(DataError, match="already holds a run"):
        train_locator(settings(data, run))
    with pytest.raises(DataError, match="another channels"):
        train_locator(settings(data, run, channels=12), resume=True)


def test_impossible_settings_are_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="multiples of 32"):
        train_locator(settings(data, tmp_path / "x", width=100))
    with pytest.raises(ConfigurationError, match="at least one epoch"):
        settings(data, tmp_path / "x", epochs=0)


def test_the_bundle_is_a_locator_and_nothing_else(bundle: Path) -> None:
    read = read_bundle(bundle)
    assert read.card.task == "locate"
    assert read.card.labels == KINDS
    with pytest.raises(ModelError, match="not to classify"):
        ClassifierModel(read)
    model = LocatorModel(read)
    assert model.verify() == 0.0
    heat, boxes = model.maps(read.golden_inputs[0])
    assert heat.shape == (24, 32, 3)
    assert boxes.shape == (24, 32, 12)
    delegation = model.engine.delegation()
    assert delegation is not None
    assert delegation.partitions == 1
    with pytest.raises(ValueError, match="the model takes"):
        model.maps(np.zeros((24, 32, 3), np.uint8))


def test_wrong_golden_maps_are_refused(bundle: Path) -> None:
    read = read_bundle(bundle)
    wrong = {
        name: (values.astype(int) // 2).astype(np.int8) + np.int8(40) for name, values in read.golden_outputs.items()
    }
    with pytest.raises(ModelError, match="golden check"):
        TFLiteLocator(LocatorModel(replace(read, golden_outputs=wrong)))


def test_float_and_int8_give_the_same_maps(bundle: Path, run: Path) -> None:
    model = KerasHeat(keras.models.load_model(run / "model.keras", compile=False))
    quantised = LocatorModel(read_bundle(bundle))
    for window in quantised.bundle.golden_inputs:
        for floats, integers in zip(model.maps(window), quantised.maps(window), strict=True):
            assert np.abs(floats - integers).mean() < 0.15


def test_too_great_a_loss_writes_nothing(run: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="int8 loses"):
        convert_locator(run, tmp_path / "x.tflite", data, representative=2, max_loss=-1.0)
    assert not (tmp_path / "x.tflite").exists()
    with pytest.raises(ModelError, match=r"ends in \.tflite"):
        convert_locator(run, tmp_path / "x.bin", data)


def test_other_data_than_the_runs_are_refused(run: Path, tmp_path: Path) -> None:
    other = draw_fields(tmp_path, train=5, val=2)
    with pytest.raises(DataError, match="not the data that the run"):
        convert_locator(run, tmp_path / "x.tflite", other)


def test_windows_that_ranges_are_measured_on(data: Path) -> None:
    fields = load_fields(data, ("bccd",))
    windows = representative_windows(fields, {"bccd": float(RED_PX)}, SPEC, 4)
    assert windows.dtype == np.uint8
    assert windows.shape[1:] == (96, 128, 3)
    assert len(windows) >= 4


def test_the_threshold_is_where_f1_is_highest() -> None:
    truth = Boxes(np.array([[0, 0, 9, 9], [20, 0, 29, 9]], np.float32), np.zeros(2, np.intp))
    boxes = np.array([[0, 0, 9, 9], [20, 0, 29, 9], [50, 0, 59, 9]], np.float32)
    found = Detections(boxes, np.zeros(3, np.int8), np.array([0.9, 0.6, 0.3], np.float32))
    assert choose_thresholds({"bccd": [(found, truth)]}) == (0.6, 0.5, 0.5)


def test_operations_are_counted() -> None:
    small, large = (multiply_adds(build_locator(side, side, channels=8)) for side in (64, 128))
    assert large == 4 * small


def test_the_commands(data: Path, bundle: Path, run: Path, tmp_path: Path) -> None:
    asked = ["train", "--task", "locate", "--data", str(data), "--out", str(tmp_path / "r"), "--size", "96"]
    refused = CliRunner().invoke(app, asked)
    assert refused.exit_code == 2
    assert "No such option" in refused.output
    assert "--size" in refused.output
    unknown = CliRunner().invoke(app, ["train", "--task", "sing", "--data", str(data), "--out", str(tmp_path / "r")])
    assert unknown.exit_code == 2
    shown = CliRunner().invoke(app, ["model", "info", str(bundle)])
    assert shown.exit_code == 0
    assert "128×96" in shown.output
    verified = CliRunner().invoke(app, ["model", "verify", str(bundle), "--json"])
    assert json.loads(verified.output)["task"] == "locate"


def test_what_is_converted_answers_as_what_was_trained() -> None:
    trained = build_locator(96, 128)
    converted = with_copies_for_enlargement(trained)
    picture = np.random.default_rng(3).integers(0, 256, (1, 96, 128, 3)).astype(np.float32)
    for before, after in zip(trained(picture), converted(picture), strict=True):
        assert np.array_equal(np.asarray(before), np.asarray(after))
    assert not any(isinstance(layer, keras.layers.UpSampling2D) for layer in converted.layers)
