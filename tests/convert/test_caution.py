"""Caution for a bundle, with the real network on drawn cells."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from training.drawn_blood import draw_data

from hemato_convert.caution import DOUBTED, CautionPlan, add_caution, only_one_laboratory
from hemato_convert.flatbuffer.trial import try_flatbuffer
from hemato_edge.errors import ConfigurationError, ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import PROTOTYPES, read_bundle, shipped_classifier, write_bundle
from hemato_edge.models.caution import known_score
from hemato_training.data.cell_sets import LABORATORIES, load
from hemato_training.data.crops import cells_of, looks_of, prepare_cells
from hemato_training.data.records import Record, in_split
from hemato_training.evaluate.evaluation import evaluate
from hemato_training.progress import Silent

QUICK = CautionPlan(per_class=3, strangers=60)
TITLES = {LABORATORIES[name].title for name in ("pbc", "bccd")}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_data(tmp_path_factory.mktemp("data"))


def rewritten(path: Path, **changed: object) -> Path:
    """The shipped classifier with another card."""
    bundle = read_bundle(shipped_classifier())
    home = bundle.part(PROTOTYPES) if bundle.prototypes is not None and "embedding" not in changed else None
    card = bundle.card.model_copy(update=changed)
    write_bundle(path, bundle.flatbuffer, card, bundle.golden_inputs, bundle.golden_outputs, prototypes=home)
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As if the shipped classifier had been trained on two laboratories."""
    card = read_bundle(shipped_classifier()).card
    return rewritten(
        tmp_path_factory.mktemp("base") / "two.tflite",
        training=tuple(one for one in card.training if one.name in TITLES),
        accuracy=tuple(one for one in card.accuracy if one.data in ("pbc", "bccd")),
        caution=None,
    )


def record(laboratory: str, label: str, split: str = "train") -> Record:
    return Record(Path("a.png"), label, laboratory, f"{laboratory}/a", split, "a.png")


def test_labels_of_one_laboratory_are_found() -> None:
    both = [record("pbc", "neutrophil"), record("bccd", "neutrophil"), record("pbc", "erythroblast")]
    assert [CLASSIFIER_LABELS[i] for i in np.flatnonzero(only_one_laboratory(both))] == ["erythroblast"]
    assert not any(only_one_laboratory(both[::2]))  # a single laboratory cannot be held against itself
    assert not any(only_one_laboratory([*both[:2], record("pbc", "platelet", "val")]))


def test_caution_changes_the_card_and_not_the_network(base: Path, data: Path, tmp_path: Path) -> None:
    out, cache = tmp_path / "cautious.tflite", data / "cells"
    card = add_caution(base, data, out, QUICK, cache=cache, reporter=Silent())
    before, after = read_bundle(base), read_bundle(out)
    assert after.flatbuffer == before.flatbuffer
    assert after.part(PROTOTYPES) == before.part(PROTOTYPES)
    assert after.card == card
    judged = evaluate(out, data, cache)
    assert judged.temperature == card.temperature
    assert {name: one.accuracy for name, one in judged.laboratories.items()} == {
        one.data: one.int8_accuracy for one in card.accuracy
    }
    assert judged.overall.confusion == [list(row) for row in card.confusion]
    records = load(data, ("pbc", "bccd"))
    alone = only_one_laboratory(records)
    assert card.caution is not None
    assert card.caution.lowered == tuple(2.0 if one else 0.0 for one in alone)
    looks = looks_of(records, cache)
    held_out = prepare_cells(cells_of(in_split(records, "val"), looks, 112, cache), looks)
    scores = known_score(try_flatbuffer(after.flatbuffer, held_out).real_embeddings(), card.caution)
    assert np.mean(scores < 0) == pytest.approx(DOUBTED, abs=1 / len(scores))
    noise = np.random.default_rng(1).integers(0, 256, (20, *held_out.shape[1:]), np.uint8)
    strange = known_score(try_flatbuffer(after.flatbuffer, noise).real_embeddings(), card.caution)
    assert strange.max() < np.median(scores)


def test_left_out_laboratories_choose_the_threshold(base: Path, data: Path, tmp_path: Path) -> None:
    sure, unsure = [9.0] + [0.0] * 7, [4.0] + [0.0] * 7
    journey = {"away": "a", "temperature": 1.0, "known": ["neutrophil", "eosinophil"]}
    answers = {"labels": [0] * 30 + [1] * 30, "logits": [sure] * 30 + [unsure] * 30}
    path = tmp_path / "left_out.json"
    path.write_text(json.dumps({"journeys": [journey | answers]}))
    plan = CautionPlan(slope=0.0)
    out = tmp_path / "out.tflite"
    card = add_caution(base, data, out, plan, left_out=path, cache=data / "cells", reporter=Silent())
    assert card.caution is not None
    assert card.caution.weights == ()
    assert card.rejection_threshold > 0.88
    assert card.abroad["a"][1][-1] == 30  # eosinophils without an answer
    stricter = replace(plan, least=0.99995)
    again = add_caution(base, data, out, stricter, left_out=path, cache=data / "cells", reporter=Silent())
    assert again.rejection_threshold == 0.99995
    assert again.abroad["a"][0][-1] == 30  # now the neutrophils, too: softmax(9) is 0.9991


def test_what_has_no_embedding_is_refused(data: Path, tmp_path: Path) -> None:
    plain = rewritten(tmp_path / "plain.tflite", embedding=None, caution=None)
    with pytest.raises(ModelError, match="no classifier with an embedding"):
        add_caution(plain, data, tmp_path / "out.tflite", QUICK, reporter=Silent())
    assert not (tmp_path / "out.tflite").exists()


@pytest.mark.parametrize(
    "wrong", [{"lower": -1.0}, {"slope": 101.0}, {"strangers": 0}, {"per_class": 0}, {"least": 1.0}]
)
def test_impossible_plans_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        CautionPlan(**wrong)
