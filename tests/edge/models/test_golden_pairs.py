"""The golden pairs of the shipped models: a network in which any one tensor was changed does not pass them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from weights import Weights, weights_of

from hemato_edge.errors import ModelError
from hemato_edge.models.bundle import Bundle, read_bundle, shipped_classifier, shipped_locator
from hemato_edge.models.classifier_model import EMBEDDINGS, LOGITS, MAPS, ClassifierModel
from hemato_edge.models.engines.choice import find_runtime
from hemato_edge.models.golden import EXACT, tolerance_of
from hemato_edge.models.locator_model import LocatorModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHIPPED = {"classifier": (shipped_classifier, ClassifierModel), "locator": (shipped_locator, LocatorModel)}


def negated(values: NDArray[Any]) -> NDArray[Any]:
    return np.where(values == np.iinfo(values.dtype).min, np.iinfo(values.dtype).max, -values)


def shipped(kind: str) -> tuple[Bundle, list[Weights]]:
    bundle = read_bundle(SHIPPED[kind][0]())
    return bundle, [one for one in weights_of(bundle.flatbuffer) if one.of(bundle.flatbuffer).any()]


def passes(kind: str, bundle: Bundle, tensor: Weights) -> bool:
    model = SHIPPED[kind][1](replace(bundle, flatbuffer=tensor.changed(bundle.flatbuffer, negated)))
    try:
        model.verify()
    except ModelError:
        return False
    return True


@pytest.mark.parametrize("kind", SHIPPED)
def test_the_converter_s_runtime_has_to_answer_in_every_bit(kind: str) -> None:
    bundle = read_bundle(SHIPPED[kind][0]())
    model = SHIPPED[kind][1](bundle)
    if bundle.card.versions["ai-edge-litert"] != model.runtime.version:
        pytest.skip(f"converted with LiteRT {bundle.card.versions['ai-edge-litert']}, here is {model.runtime.version}")
    assert tolerance_of(bundle, model.runtime, model.engine) == EXACT
    assert model.verify() == 0.0
    later = replace(model.runtime, version="99")
    assert tolerance_of(bundle, later, model.engine) == bundle.card.golden.tolerance


def test_the_pairs_are_of_every_output() -> None:
    assert {LOGITS, MAPS, EMBEDDINGS} <= read_bundle(shipped_classifier()).golden_outputs.keys()


@pytest.mark.parametrize("kind", SHIPPED)
def test_a_changed_stem_or_head_fails(kind: str) -> None:
    bundle, tensors = shipped(kind)
    heads = [one for one in tensors if any(word in one.name for word in ("cam", "embedding", "heat", "boxes"))]
    assert heads
    assert [one.name for one in (tensors[0], *heads) if passes(kind, bundle, one)] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHIPPED)
def test_every_changed_tensor_that_moves_an_answer_fails(kind: str) -> None:
    """Deep layers of the locator end in zeros: what moves nothing on noise and drawings either, is for the hash."""
    bundle, tensors = shipped(kind)
    assert len(tensors) > 50
    missed = [one for one in tensors if passes(kind, bundle, one)]
    assert len(missed) < len(tensors) / 10
    right = answers(bundle.flatbuffer, bundle.golden_inputs.shape[1:])
    moved = [
        one.name
        for one in missed
        if answers(one.changed(bundle.flatbuffer, negated), bundle.golden_inputs.shape[1:]) != right
    ]
    assert moved == []


def answers(flatbuffer: bytes, shape: tuple[int, ...]) -> list[bytes]:
    """To pictures that are not the golden ones: of noise, coarse and fine."""
    engine, rng = find_runtime().start(flatbuffer, 1, 1), np.random.default_rng(7)
    pictures = [rng.integers(0, 256, shape).astype(np.uint8)]
    for side in (4, 8, 16, 32):
        coarse = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
        pictures.append(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST))
    return [values.tobytes() for one in pictures for _, values in sorted(engine.run(one[None]).items())]


def test_a_golden_output_that_the_network_does_not_give_is_refused() -> None:
    bundle = read_bundle(shipped_classifier())
    outputs = {**bundle.golden_outputs, EMBEDDINGS: bundle.golden_outputs[EMBEDDINGS][:, 1:]}
    with pytest.raises(ModelError, match="does not give"):
        ClassifierModel(replace(bundle, golden_outputs=outputs), runtime=find_runtime()).verify()
