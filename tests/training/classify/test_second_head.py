from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hemato_edge.errors import ConfigurationError, DataError
from hemato_edge.labels import CLASSIFIER_LABELS

pytest.importorskip("keras")
import keras
from training.drawn_blood import draw_data
from training.tiny_network import TINY

from hemato_training.classify.linear_head import fit_linear_heads
from hemato_training.classify.second_head import PENALTY, add_second_head
from hemato_training.data.cell_sets import load
from hemato_training.data.crops import cells_of, looks_of, prepare_cells
from hemato_training.data.records import in_split
from hemato_training.networks.backbones import ARCHITECTURES, build_classifier
from hemato_training.networks.keras_model import keras_logits, pooled_features

if TYPE_CHECKING:
    from pathlib import Path


def test_several_questions_side_by_side() -> None:
    rng = np.random.default_rng(1)
    truths = np.column_stack([rng.integers(0, 3, 200), rng.integers(0, 2, 200), np.full(200, 1)])
    features = rng.normal(0, 0.1, (200, 8)).astype(np.float32)
    features[np.arange(200), truths[:, 0]] += 1
    features[:, 5] += truths[:, 1]
    head = fit_linear_heads(features, truths, (4, 2, 2), 10.0)
    logits = features @ head.kernel + head.bias
    for truth, own in zip(truths.T, np.split(logits, (4, 6), axis=1), strict=True):
        assert np.mean(own.argmax(axis=1) == truth) > 0.97
    assert logits[:, 3].max() < logits[:, :3].max(axis=1).min()  # no cell has the fourth answer


def test_a_second_head_is_added_to_the_trained_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "tiny", TINY)
    data, run, cache = draw_data(tmp_path / "data"), tmp_path / "run", tmp_path / "cells"
    run.mkdir()
    keras.utils.set_random_seed(1)
    model = build_classifier("tiny", 64, len(CLASSIFIER_LABELS), weights="none")
    model.save(run / "model.keras")
    records = in_split(load(data, ("pbc",)), "train")
    looks = looks_of(records, cache)
    (run / "run.json").write_text(
        json.dumps({"settings": {"seed": 1}, "looks": {name: look.as_json() for name, look in looks.items()}})
    )
    path = add_second_head(run, data, tmp_path / "out", weight=0.5, cache=cache)
    cells = cells_of(records, looks, 64, cache)
    images = prepare_cells(cells, looks)
    features = pooled_features(model, images)
    head = fit_linear_heads(features, cells.labels[:, None], (8,), PENALTY)
    after = keras_logits(keras.models.load_model(path, compile=False), images)
    assert after == pytest.approx(keras_logits(model, images) + 0.5 * (features @ head.kernel + head.bias), abs=1e-3)
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert facts["settings"] == {"seed": 1, "second_head": "0.5 of pbc"}
    with pytest.raises(DataError, match="already holds a run"):
        add_second_head(run, data, tmp_path / "out", weight=0.5, cache=cache)
    with pytest.raises(ConfigurationError, match="did not learn from bccd"):
        add_second_head(run, data, tmp_path / "new", laboratories=("bccd",), weight=0.5, cache=cache)
    with pytest.raises(ConfigurationError, match="not positive"):
        add_second_head(run, data, tmp_path / "new", weight=0.0, cache=cache)
