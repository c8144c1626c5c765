"""A second look for a bundle, with the real network on drawn cells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from training.drawn_blood import draw_data

from hemato_convert.left_out import LeftOut, counts_at, read_left_out
from hemato_convert.second_look import add_second_look
from hemato_convert.settings import ConversionSettings
from hemato_edge.errors import ConfigurationError, DataError, ModelError
from hemato_edge.models.bundle import PROTOTYPES, read_bundle, shipped_classifier, shipped_locator, write_bundle
from hemato_edge.models.card import ClassifierCard
from hemato_training.data.cell_sets import LABORATORIES
from hemato_training.evaluate.evaluation import evaluate
from hemato_training.progress import Silent

TITLES = {LABORATORIES[name].title for name in ("pbc", "bccd")}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As if the shipped classifier had been trained on two laboratories, and looked once."""
    bundle = read_bundle(shipped_classifier())
    card = bundle.card
    assert isinstance(card, ClassifierCard)
    changed = {
        "training": tuple(one for one in card.training if one.name in TITLES),
        "accuracy": tuple(one for one in card.accuracy if one.data in ("pbc", "bccd")),
        "second_look_views": 1,
    }
    path = tmp_path_factory.mktemp("base") / "once.tflite"
    parts = bundle.golden_inputs, bundle.golden_outputs
    write_bundle(path, bundle.flatbuffer, card.model_copy(update=changed), *parts, prototypes=bundle.part(PROTOTYPES))
    return path


def test_the_card_has_the_figures_of_the_second_look(base: Path, data: Path, tmp_path: Path) -> None:
    out, cache = tmp_path / "twice.tflite", data / "cells"
    card = add_second_look(base, data, out, 4, cache=cache, reporter=Silent())
    before, after = read_bundle(base), read_bundle(out)
    assert after.flatbuffer == before.flatbuffer
    assert after.part(PROTOTYPES) == before.part(PROTOTYPES)
    assert after.card == card
    assert card.second_look_views == 4
    assert isinstance(before.card, ClassifierCard)
    kept = ("temperature", "rejection_threshold", "caution", "abroad")  # no laboratory here is only judged by
    assert all(getattr(card, name) == getattr(before.card, name) for name in kept)
    once, twice = (evaluate(path, data, cache) for path in (base, out))
    assert twice.overall.confusion == [list(row) for row in card.confusion]
    assert {name: own.accuracy for name, own in twice.laboratories.items()} == {
        one.data: one.int8_accuracy for one in card.accuracy
    }
    assert twice.overall.accepted >= once.overall.accepted  # it never takes an answer back
    assert twice.overall.nll != once.overall.nll


def test_what_cannot_look_again_is_refused(base: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tflite"
    with pytest.raises(ConfigurationError, match="3 views"):
        add_second_look(base, data, out, 3, reporter=Silent())
    with pytest.raises(ModelError, match="no classifier"):
        add_second_look(shipped_locator(), data, out, 4, reporter=Silent())
    with pytest.raises(ConfigurationError, match="3 views"):
        ConversionSettings(second_look_views=3)
    assert not out.exists()


def test_left_out_cells_below_the_threshold_get_the_second_answer() -> None:
    first = np.array([[6, 0], [1, 0], [1, 0]], np.float32)
    again = np.array([[0, 9], [0, 9], [0, 1]], np.float32)
    first, again = (np.pad(own, ((0, 0), (0, 6)), constant_values=-9) for own in (first, again))
    one = LeftOut("a", np.array([0, 1, 1]), first, 1.0, again)
    assert one.at(0.99).argmax(axis=1).tolist() == [0, 1, 1]
    rows = counts_at([one], 0.99)["a"]
    assert (rows[0][0], rows[1][1], rows[1][-1]) == (1, 1, 1)
    assert counts_at([LeftOut("a", one.labels, first, 1.0)], 0.99)["a"][1][-1] == 2


def test_a_second_look_counts_in_a_file_of_left_out_runs_where_it_has_as_many_views(tmp_path: Path) -> None:
    first, again = np.zeros((2, 8)), np.eye(8)[:2] * 9
    journey = {
        "away": "a", "labels": [0, 5], "known": ["neutrophil"], "temperature": 1.0, "logits": first.tolist(),
        "views": 4, "again": again.tolist(),
    }  # fmt: skip
    path = tmp_path / "left_out.json"
    path.write_text(json.dumps({"journeys": [journey]}), encoding="utf-8")
    found = {views: read_left_out(path, views)[0].again for views in (1, 2, 4)}
    assert (found[1], found[2]) == (None, None)
    assert found[4] is not None
    assert found[4].tolist() == again[:1].tolist()  # a class that the run does not know has no part
    path.write_text(json.dumps({"journeys": [journey | {"again": [[0.0]]}]}), encoding="utf-8")
    with pytest.raises(DataError, match=r"again \(1, 1\) for 2 cells"):
        read_left_out(path, 4)
