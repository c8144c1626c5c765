"""Where a model looks: its maps, whether they point at the cell, and whether they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np

from hemato_training.data.records import in_split
from hemato_training.explain.curves import Curves, deletion_and_insertion
from hemato_training.explain.methods import Method, method_named
from hemato_training.explain.pointing import SHIFT, Pointing, pointing_game
from hemato_training.explain.sanity import Sanity, randomisation_test

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_training.evaluate.evaluation import Tried
    from hemato_training.explain.methods import Maps

COMPARED = 32
"""Images whose maps the curves and, where a map is cheap, the randomisation test compare."""
COMPARED_COSTLY, STAGES_COSTLY, REPEATS_COSTLY = 8, 4, 2
"""Images, steps and cascades of the randomisation test where a map takes hundreds of inferences."""
POINTED_COSTLY = 100
"""Cells of a laboratory that the pointing game takes there, evenly from all."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """How far the maps of one method can be believed.

    Attributes:
        method: how the maps are made, for a person.
        pointing: laboratory → the pointing game on its boxed cells, as the device crops them and off-centre.
        sanity: the randomisation test; None for a bundle or a classical model, whose weights cannot be changed.
        curves: what the answer loses and gains in the order of the maps.
    """

    method: str
    pointing: dict[str, list[Pointing]]
    sanity: Sanity | None
    curves: Curves

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "method": self.method,
            "pointing": {name: [one.as_json() for one in own] for name, own in self.pointing.items()},
            "sanity": self.sanity.as_json() if self.sanity else None,
            "curves": self.curves.as_json(),
        }


def explain(tried: Tried, name: str) -> Explanation:
    """Every test of one method's maps.

    Args:
        tried: the model and its answers.
        name: of the method, see `methods.METHODS`.

    Raises:
        ModelError: there is no such method, or the model has no such maps.
        MissingExtraError: the method needs a library that is not installed.
        DataError: a picture cannot be read.
    """
    judged = tried.judged
    method = method_named(name)
    title, maps = method.title(judged), method.maps_of(judged)
    chosen = _evenly(len(tried.images), COMPARED)
    images, labels = tried.images[chosen], tried.answers.logits[chosen].argmax(axis=1)
    curves = deletion_and_insertion(judged.logits, images, labels, maps(images, labels), judged.temperature)
    sanity = None
    if isinstance(judged.model, keras.Model):
        sanity = _randomised(tried, method, images, labels)
    return Explanation(title, _pointing(tried, method, maps), sanity, curves)


def _randomised(tried: Tried, method: Method, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Sanity:
    judged = tried.judged
    if not method.is_costly:
        return randomisation_test(judged.model, lambda: method.maps_of(judged), images, labels)
    few = _evenly(len(images), COMPARED_COSTLY)
    return randomisation_test(
        judged.model,
        lambda: method.maps_of(judged),
        images[few],
        labels[few],
        stages=STAGES_COSTLY,
        repeats=REPEATS_COSTLY,
    )


def _pointing(tried: Tried, method: Method, maps: Maps) -> dict[str, list[Pointing]]:
    judged = tried.judged

    def of_own_answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return maps(images, judged.logits(images).argmax(axis=1))

    pointing = {}
    for name, look in tried.looks.items():
        boxed = [r for r in in_split(tried.records, tried.split) if r.laboratory == name and r.box is not None]
        if method.is_costly:
            boxed = [boxed[i] for i in _evenly(len(boxed), POINTED_COSTLY)]
        if boxed:
            pointing[name] = [pointing_game(boxed, look, judged.size, of_own_answer, shift) for shift in (0.0, SHIFT)]
    return pointing


def _evenly(count: int, most: int) -> NDArray[np.int64]:
    """Indices of at most so many of `count`, evenly spaced."""
    return np.linspace(0, count - 1, min(most, count)).astype(np.int64)
