from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import keras
from training.tiny_network import LIKE_MOBILENET, TINY

from hemato_edge.errors import ConfigurationError, DataError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.classify import fit
from hemato_training.classify.joint import attribute_targets, with_attributes
from hemato_training.classify.material import gather
from hemato_training.data.cell_sets import load
from hemato_training.networks.backbones import ARCHITECTURES, LOGITS, TRUNK, build_classifier
from hemato_training.networks.keras_model import load_keras
from hemato_training.progress import Silent
from hemato_training.runs.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "mobilenet_v2", LIKE_MOBILENET)
        patch.setitem(ARCHITECTURES, "tiny", TINY)
        yield


@pytest.fixture(scope="module")
def data(drawn_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn data, and a table that describes all cells of pbc but the platelets."""
    folder = tmp_path_factory.mktemp("described") / "data"
    shutil.copytree(drawn_data, folder)
    rows = ["image,split,nucleus,size"]
    for record in load(folder, ("pbc",)):
        lobed = record.label in ("neutrophil", "eosinophil")
        if record.label != "platelet":
            size = "small" if record.label in ("lymphocyte", "erythroblast") else "big"
            rows.append(f"{record.key},{record.split},{'lobed' if lobed else 'round'},{size}")
    (folder / "pbc" / "attributes.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cells")


def settings(data: Path, out: Path, **more: object) -> Settings:
    fast = {"architecture": "mobilenet_v2", "size": 64, "weights": "none", "head_epochs": 0, "epochs": 2, "batch": 16}
    return Settings(data=data, out=out, **{**fast, "attribute_weight": 1.0, **more})


def test_both_outputs_share_the_classifier(data: Path) -> None:
    model = build_classifier("mobilenet_v2", 64, len(CLASSIFIER_LABELS), weights="none")
    joint = with_attributes(model, 4)
    weights = [weight for name in (TRUNK, LOGITS) for weight in joint.get_layer(name).weights]
    assert all(one is other for one, other in zip(weights, model.weights, strict=True))
    images = np.random.default_rng(1).uniform(0, 255, (3, 64, 64, 3)).astype(np.float32)
    given = joint.predict_on_batch(images)
    assert np.allclose(given["logits"], model.predict_on_batch(images), atol=1e-5)
    assert given["attributes"].shape == (3, 4)
    with pytest.raises(ConfigurationError, match="no attribute branch for tiny"):
        with_attributes(build_classifier("tiny", 64, 8, weights="none"), 4)


def test_cells_that_no_table_describes_have_no_weight(data: Path, drawn_data: Path, cache: Path) -> None:
    material = gather(settings(data, data), cache, Silent())
    targets, sizes = attribute_targets(data, material.train)
    assert sizes == (2, 2)
    platelet = CLASSIFIER_LABELS.index("platelet")
    described = (material.train.laboratories == "pbc") & (material.train.labels != platelet)
    assert np.array_equal(targets.sum(axis=1) > 0, described)
    assert np.all((targets[described] > 0).sum(axis=1) == 2)
    with pytest.raises(DataError, match="No table .* describes a training cell"):
        attribute_targets(drawn_data, material.train)


def test_a_run_learns_both_and_keeps_a_classifier(data: Path, tmp_path: Path, cache: Path) -> None:
    whole = settings(data, tmp_path / "whole")
    fit.train(whole, cache=cache)
    model = load_keras(whole.out / "model.keras")
    assert [layer.name for layer in model.layers][-1] == LOGITS
    history = json.loads((whole.out / "metrics.json").read_text())["history"]
    assert all(entry["loss"] > entry["cross_entropy"] + 0.1 for entry in history)  # the attributes cost something, too
    saved = keras.models.load_model(whole.out / "checkpoint" / "epoch-002.keras")
    assert set(saved.output) == {"logits", "attributes"}

    class StopInTheSecond(Silent):
        def track(self, items, what: str, total: int):  # type: ignore[no-untyped-def]
            for item in items:
                if "epoch 2 " in what:
                    raise KeyboardInterrupt
                yield item

    cut = settings(data, tmp_path / "cut")
    with pytest.raises(KeyboardInterrupt):
        fit.train(cut, cache=cache, reporter=StopInTheSecond())
    fit.train(cut, resume=True, cache=cache)
    again = json.loads((cut.out / "metrics.json").read_text())["history"]
    assert [one["loss"] for one in again] == pytest.approx([one["loss"] for one in history], rel=1e-3)


def test_a_negative_weight_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="negative"):
        settings(tmp_path, tmp_path, attribute_weight=-1.0)
