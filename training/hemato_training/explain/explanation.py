"""Where a model looks: its maps, whether they point at the cell, and whether they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_training.data.records import in_split
from hemato_training.explain.gradcam import GradCam, bundle_maps
from hemato_training.explain.pointing import SHIFT, Pointing, pointing_game
from hemato_training.explain.sanity import Sanity, randomisation_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hemato_training.evaluate.evaluation import Judged, Tried

    Maps: TypeAlias = Callable[[NDArray[np.uint8], NDArray[np.int64]], NDArray[np.float32]]
    """(images (n, S, S, 3), labels (n,)) → maps (n, h, w) of what spoke for each label."""

COMPARED = 32
"""Images whose maps the randomisation test compares."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """How far the maps can be believed.

    Attributes:
        method: how the maps are made, for a person.
        pointing: laboratory → the pointing game on its boxed cells, as the device crops them and off-centre.
        sanity: the randomisation test; None for a bundle, whose weights cannot be changed.
    """

    method: str
    pointing: dict[str, list[Pointing]]
    sanity: Sanity | None

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "method": self.method,
            "pointing": {name: [one.as_json() for one in own] for name, own in self.pointing.items()},
            "sanity": self.sanity.as_json() if self.sanity else None,
        }


def maps_of(judged: Judged) -> tuple[str, Maps]:
    """The name of the method, and what makes the maps.

    Raises:
        ModelError: if the model has no maps.
    """
    model = judged.model
    if isinstance(model, ClassifierModel):

        def exact(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.float32]:
            found = bundle_maps(model, images, labels)
            if found is None:
                raise ModelError(
                    f"{model.bundle.path} gives no activation maps.", "Convert it again with `hemato-edge convert`."
                )
            return found

        return "exact class activation map, an output of the int8 model itself", exact
    cam = GradCam(model)
    return f"Grad-CAM at the layer {cam.layer_name}", cam.maps


def explain(tried: Tried) -> Explanation:
    """The pointing game on every laboratory with boxes, and the randomisation test of a Keras model.

    Raises:
        ModelError: if the model has no maps.
        DataError: if a picture cannot be read.
    """
    judged = tried.judged
    method, maps = maps_of(judged)

    def of_own_answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return maps(images, judged.logits(images).argmax(axis=1))

    pointing = {}
    for name, look in tried.looks.items():
        boxed = [r for r in in_split(tried.records, tried.split) if r.laboratory == name and r.box is not None]
        if boxed:
            pointing[name] = [pointing_game(boxed, look, judged.size, of_own_answer, shift) for shift in (0.0, SHIFT)]
    sanity = None
    if not isinstance(judged.model, ClassifierModel):
        chosen = np.linspace(0, len(tried.images) - 1, min(COMPARED, len(tried.images))).astype(int)
        images = tried.images[chosen]
        sanity = randomisation_test(judged.model, images, tried.answers.logits[chosen].argmax(axis=1))
    return Explanation(method, pointing, sanity)
