"""Cells below the threshold are looked at again in further views, and only these."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from hemato_edge.models.bundle import Bundle, read_bundle, shipped_classifier
from hemato_edge.models.card import ClassifierCard
from hemato_edge.models.caution import device_logits
from hemato_edge.models.classifier_model import EMBEDDINGS, LOGITS, ClassifierModel
from hemato_edge.models.second_look import VIEWS, SecondLook, Seen, further_views
from hemato_edge.models.temperature import calibrated
from hemato_edge.vision.classify.classifier import TFLiteClassifier

CROPS = np.random.default_rng(3).integers(0, 256, (5, 6, 6, 3), np.uint8)


class Corner:
    """A network whose second logit is the brightness of the upper left pixel, so that views differ; keeps its crops."""

    def __init__(self) -> None:
        self.asked: list[NDArray[np.uint8]] = []

    def __call__(self, crops: NDArray[np.uint8]) -> Seen:
        self.asked.append(crops)
        bright = crops[:, 0, 0].mean(axis=1, dtype=np.float32)
        return Seen(np.stack([np.zeros_like(bright), bright], axis=1), bright[:, None])


def raw(seen: Seen) -> NDArray[np.float32]:
    return seen.logits


@pytest.mark.parametrize("views", VIEWS)
def test_all_views_of_a_crop_differ_and_show_the_same(views: int) -> None:
    further = further_views(CROPS, views) if views > 1 else CROPS[:0]
    assert further.shape == ((views - 1) * len(CROPS), *CROPS.shape[1:])
    every = np.concatenate([CROPS, further]).reshape(views, *CROPS.shape)
    assert len({view.tobytes() for view in every}) == views
    for view in every:
        assert np.array_equal(np.sort(view.reshape(5, -1, 3), axis=1), np.sort(CROPS.reshape(5, -1, 3), axis=1))


def test_eight_views_answer_alike_however_a_cell_lies() -> None:
    look = SecondLook(8, 1.0, 2.0)
    answers = [look.take(one, Corner()(one), Corner(), raw).logits for one in (CROPS, np.rot90(CROPS, 1, (1, 2)))]
    assert answers[0] == pytest.approx(answers[1], rel=1e-5)
    assert not np.allclose(answers[0], Corner()(CROPS).logits)


def test_only_unsure_cells_are_looked_at_again_in_one_batch() -> None:
    crops = CROPS.copy()
    crops[:, 0, 0] = np.array([255, 0, 255, 1, 255])[:, None]  # sure, unsure, sure, unsure, sure
    network = Corner()
    first = network(crops)
    logits, embeddings = SecondLook(4, 1.0, 0.99).take(crops, first, network, raw)
    assert len(network.asked) == 2
    assert np.array_equal(network.asked[1], further_views(crops[[1, 3]], 4))
    assert np.array_equal(logits[[0, 2, 4]], first.logits[[0, 2, 4]])
    corners = crops[:, [0, 0, -1, -1], [0, -1, -1, 0]].mean(axis=2, dtype=np.float32)
    assert logits[[1, 3], 1] == pytest.approx(corners[[1, 3]].mean(axis=1))
    assert embeddings is not None
    assert embeddings[:, 0] == pytest.approx(logits[:, 1])  # of the same views as the answer


@pytest.mark.parametrize(("views", "threshold"), [(1, 0.99), (8, 0.0)])
def test_one_view_or_sure_cells_take_no_second_look(views: int, threshold: float) -> None:
    network = Corner()
    first = network(CROPS)
    seen = SecondLook(views, 1.0, threshold).take(CROPS, first, network, raw)
    assert all(map(np.array_equal, seen, first))
    assert len(network.asked) == 1


def test_the_mean_is_taken_before_caution_lowers_it() -> None:
    network = Corner()
    first, lowered = network(CROPS), []

    def lower(seen: Seen) -> NDArray[np.float32]:
        lowered.append(seen)
        return seen.logits / 2

    logits = SecondLook(4, 1.0, 2.0).take(CROPS, first, network, lower).logits
    assert logits == pytest.approx(lowered[1].logits / 2)
    assert lowered[1].embeddings is not None
    assert lowered[1].embeddings[:, 0] == pytest.approx(lowered[1].logits[:, 1])


def changed(**values: object) -> Bundle:
    bundle = read_bundle(shipped_classifier())
    return replace(bundle, card=bundle.card.model_copy(update=values))


def test_the_model_looks_as_often_as_its_card_says() -> None:
    once, twice = (ClassifierModel(changed(second_look_views=views)) for views in (1, 4))
    images, card = once.bundle.golden_inputs, twice.card
    first, again = once.outputs(images), twice.outputs(images)
    unsure = calibrated(first.logits, card.temperature).max(axis=1) < card.rejection_threshold
    assert unsure.sum() > 0
    assert twice.inferences - once.inferences == 3 * unsure.sum()
    assert np.array_equal(again.logits[~unsure], first.logits[~unsure])
    seen = [once.answers(np.ascontiguousarray(np.rot90(images[unsure], turn, (1, 2)))) for turn in range(4)]
    means = [np.mean([one[name] for one in seen], axis=0, dtype=np.float32) for name in (LOGITS, EMBEDDINGS)]
    assert card.embedding is not None
    mean = device_logits(*means, once.bundle.prototypes, card.embedding.doubt, card.caution)
    assert again.logits[unsure] == pytest.approx(mean, abs=1e-4)
    assert again.embeddings is not None
    assert first.embeddings is not None
    assert again.embeddings[unsure] == pytest.approx(means[1], abs=1e-4)
    assert np.array_equal(again.embeddings[~unsure], first.embeddings[~unsure])
    for name in ("maps", "attributes", "subtypes"):
        assert np.array_equal(getattr(again, name), getattr(first, name))
    assert twice.verify() == once.verify()


def test_a_judgement_is_of_the_second_look_and_shows_the_crop_as_it_is() -> None:
    once, twice = (TFLiteClassifier(ClassifierModel(changed(second_look_views=views))) for views in (1, 8))
    images = once.model.bundle.golden_inputs
    pairs = zip(*(own.answers(own.model.outputs(images)) for own in (once, twice)), strict=True)
    unsure = [(first, again) for first, again in pairs if first.confidence < once.card.rejection_threshold]
    assert unsure
    assert any(first.confidence != again.confidence for first, again in unsure)
    for first, again in unsure:
        assert not np.array_equal(first.embedding, again.embedding)  # of all views, as the answer
        assert first.attributes == again.attributes


def test_a_card_without_the_field_looks_once_and_odd_numbers_are_refused() -> None:
    card = read_bundle(shipped_classifier()).card
    assert isinstance(card, ClassifierCard)
    values = card.model_dump()
    assert values.pop("second_look_views") == 4  # the one that ships
    assert ClassifierCard.model_validate(values).second_look_views == 1
    for views in (0, 3, 16):
        with pytest.raises(ValidationError):
            ClassifierCard.model_validate(values | {"second_look_views": views})
