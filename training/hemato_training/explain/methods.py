"""The ways to explain an answer, by name: one entry of `METHODS` each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import keras

from hemato_edge.errors import ModelError
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.vision.classify.occlusion import occlusion_maps
from hemato_training.explain.gradcam import GradCam, bundle_maps
from hemato_training.explain.perturbation import lime_maps, shap_maps

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from hemato_edge.vision.classify.occlusion import Logits
    from hemato_training.evaluate.evaluation import Judged

    Maps: TypeAlias = Callable[[NDArray[np.uint8], NDArray[np.int64]], NDArray[np.float32]]
    """(images (n, S, S, 3), labels (n,)) → maps (n, h, w): above 0 speaks for each label, below 0 against it."""


@dataclass(frozen=True, slots=True)
class Method:
    """A way to explain.

    Attributes:
        title: for a person.
        maps_of: what makes a model's maps.
        is_costly: whether a map takes hundreds of inferences; then fewer are made for the tests.
    """

    title: Callable[[Judged], str]
    maps_of: Callable[[Judged], Maps]
    is_costly: bool


def method_named(name: str) -> Method:
    """The method of that name.

    Raises:
        ModelError: there is none.
    """
    if name not in METHODS:
        raise ModelError(f"No explanation is called {name!r}.", f"Known: {', '.join(METHODS)}.")
    return METHODS[name]


def _activation_title(judged: Judged) -> str:
    if isinstance(judged.model, ClassifierModel):
        return "exact class activation map, an output of the int8 model itself"
    if isinstance(judged.model, keras.Model):
        return f"Grad-CAM at the layer {GradCam(judged.model).layer_name}"
    raise ModelError("A classical model has no activation maps.", "--explain occlusion, lime or shap explains it.")


def _activation_maps(judged: Judged) -> Maps:
    model = judged.model
    if isinstance(model, ClassifierModel):

        def exact(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.float32]:
            found = bundle_maps(model, images, labels)
            if found is None:
                raise ModelError(
                    f"{model.bundle.path} gives no activation maps.", "Convert it again with `hemato-edge convert`."
                )
            return found

        return exact
    cam = GradCam(model)
    return lambda images, labels: cam.maps(images, labels, signed=True)


def _perturbed(
    title: str, maps: Callable[[Logits, NDArray[np.uint8], NDArray[np.int64]], NDArray[np.float32]]
) -> Method:
    return Method(
        lambda _: title, lambda judged: lambda images, labels: maps(judged.logits, images, labels), is_costly=True
    )


METHODS = {
    "gradcam": Method(_activation_title, _activation_maps, is_costly=False),
    "occlusion": _perturbed("occlusion, squares replaced by glass", occlusion_maps),
    "shap": _perturbed("SHAP values over parts of the crop replaced by glass", shap_maps),
    "lime": _perturbed("LIME, superpixels replaced by glass", lime_maps),
}
"""Name, as `--explain` takes it → method."""
