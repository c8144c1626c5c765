"""Classical models: trained on the cells of a run, saved, read back, and judged by the same figures."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("keras")
import skops.io

from hemato_edge.errors import ConfigurationError, ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.classify import classical as module
from hemato_training.classify.classical import (
    CLASSICAL,
    ClassicalModel,
    is_classical,
    load_classical,
    measured,
    middle_of,
    train_classical,
)
from hemato_training.classify.features import FEATURES
from hemato_training.classify.material import gather
from hemato_training.progress import Silent
from hemato_training.runs.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def settings(drawn_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(data=drawn_data, out=tmp_path_factory.mktemp("runs") / "svm", architecture="features+svm", size=64)


@pytest.fixture(scope="module")
def outcome(settings: Settings):
    return train_classical(settings)


def test_it_is_saved_with_its_run_and_figures(outcome, settings: Settings) -> None:
    assert outcome.model == settings.out / "model.skops"
    metrics = json.loads((settings.out / "metrics.json").read_text())
    run = json.loads((settings.out / "run.json").read_text())
    assert metrics["overall"]["accuracy"] == outcome.overall.accuracy > 0.3  # one in eight by chance
    assert run["settings"]["architecture"] == "features+svm"
    assert run["features"] == list(FEATURES)
    assert set(run["data"]) == set(outcome.laboratories) == {"pbc", "bccd"}


def test_read_back_it_answers_alike(outcome, settings: Settings) -> None:
    model = load_classical(outcome.model)
    material = gather(settings, settings.out / "cells", Silent())
    logits = model.logits(material.val_images)
    assert logits.shape == (len(material.val), len(CLASSIFIER_LABELS))
    assert np.mean(logits.argmax(axis=1) == material.val.labels) == pytest.approx(outcome.overall.accuracy)


def test_features_are_measured_once(settings: Settings, outcome, tmp_path: Path, monkeypatch) -> None:
    material = gather(settings, settings.out / "cells", Silent())
    first = measured(material.val_images[:4], tmp_path)
    monkeypatch.setattr(module, "describe_cells", None)
    assert np.array_equal(first, measured(material.val_images[:4], tmp_path))
    with pytest.raises(TypeError):
        measured(material.val_images[:3], tmp_path)


@pytest.mark.parametrize("kind", list(CLASSICAL))
def test_each_learns_classes_that_lie_apart(kind: str) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 4, 6], 30)
    features = rng.normal(0, 0.3, (90, len(FEATURES))) + labels[:, None]
    logits = ClassicalModel(kind, 64, CLASSICAL[kind](0).fit(features, labels)).logits_of_features(features)
    assert logits.shape == (90, len(CLASSIFIER_LABELS))
    assert np.isfinite(logits).all()
    assert np.mean(logits.argmax(axis=1) == labels) > 0.95


@pytest.mark.parametrize("kind", ["features+svm", "features+tree"])
def test_two_classes_are_enough(kind: str) -> None:
    labels = np.repeat([2, 7], 20)
    features = np.random.default_rng(0).normal(0, 0.3, (40, len(FEATURES))) + labels[:, None]
    model = ClassicalModel(kind, 64, CLASSICAL[kind](0).fit(features, labels))
    assert np.mean(model.logits_of_features(features).argmax(axis=1) == labels) == 1.0
    assert model.logits_of_features(features[:0]).shape == (0, len(CLASSIFIER_LABELS))


def test_the_middle_of_a_crop_with_margin_is_the_crop(settings: Settings, outcome) -> None:
    material = gather(settings, settings.out / "cells", Silent())
    assert material.train.crops.shape[1] == 96
    middle = middle_of(material.train, 64)
    assert middle.crops.shape[1:] == (64, 64, 3)
    assert np.array_equal(middle.crops[0], material.train.crops[0, 16:80, 16:80])


def test_names() -> None:
    assert is_classical("features+knn")
    assert not is_classical("mobilenet_v2")
    with pytest.raises(ConfigurationError, match="Known: features"):
        is_classical("features+magic")


def test_an_unknown_model_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="features\\+net"):
        train_classical(replace(settings, architecture="features+net"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no model at"),
        (b"not a pickle", "no classical model that can be read"),
        ({"kind": "features+svm"}, "no classical model that can be read"),
        ({"kind": "features+svm", "size": 64, "estimator": 1, "features": ("a",), "labels": ()}, "other features"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, content, message: str) -> None:
    path = tmp_path / "model.skops"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        skops.io.dump(content, path)
    with pytest.raises(ModelError, match=message) as caught:
        load_classical(path)
    assert caught.value.fix


class Payload:
    """What a pickle would run while it is read."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run by the file",)


def test_no_pickle_is_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.skops"
    path.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(ModelError, match="no classical model that can be read"):
        load_classical(path)
    skops.io.dump({"kind": "features+svm", "size": 64, "estimator": Payload()}, path)
    with pytest.raises(ModelError, match="no classical model that can be read"):
        load_classical(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kind", CLASSICAL)
def test_every_kind_is_saved_and_read_without_a_pickle(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(80, len(FEATURES))), np.arange(80) % 4
    model = ClassicalModel(kind, 64, CLASSICAL[kind](1).fit(features, labels))
    model.save(tmp_path / "model.skops")
    again = load_classical(tmp_path / "model.skops")
    assert np.array_equal(again.logits_of_features(features), model.logits_of_features(features))


def test_a_tree_that_points_out_of_itself_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(80, len(FEATURES))), np.arange(80) % 4
    model = ClassicalModel("features+tree", 64, CLASSICAL["features+tree"](1).fit(features, labels))
    model.estimator.tree_.children_left[0] = 10_000_000
    model.save(tmp_path / "model.skops")
    with pytest.raises(ModelError, match="no classical model that can be read"):
        load_classical(tmp_path / "model.skops")
