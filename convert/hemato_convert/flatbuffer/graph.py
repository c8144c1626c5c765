"""The export graph of a trained Keras classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from hemato_edge.errors import ModelError
from hemato_training.networks.attribute_branch import TAPS

if TYPE_CHECKING:
    from hemato_convert.flatbuffer.embedding import Projection
    from hemato_training.classify.linear_head import LinearHead

    AttributeReader = LinearHead | Any
    """A linear map, or a branch from `hemato_training.attributes`, a `keras.Model`."""

LOGITS_OUTPUT, CAM_OUTPUT, INPUT = "logits", "cam", "image"
EMBEDDING_OUTPUT, ATTRIBUTES_OUTPUT, SUBTYPES_OUTPUT = "embedding", "attributes", "subtypes"
"""Names of the exported tensors; stable across releases."""


def export_graph(
    model: Any,
    *,
    static_batch: bool = False,
    projection: Projection | None = None,
    attributes: AttributeReader | None = None,
    subtypes: AttributeReader | None = None,
) -> Any:
    """The network from its -1…1 input, with the class activation map as a second output and optional further ones.

    The model's rescaling of bytes is omitted, since the quantised input does it. The map is the dense layer's weights
    applied at every position of the last feature map: its mean over positions plus the dense bias is the logit, exactly
    (Zhou et al. 2016, "Learning deep features for discriminative localization").

    Args:
        model: from `hemato_training.networks.backbones.build_classifier`.
        static_batch: fix the batch size at one; a dynamic one can be resized on the device.
        projection: of the pooled features to the embedding; None for no such output.
        attributes: to the logits of the attributes' values, a map of the pooled features or a branch of the trunk;
            None for no such output.
        subtypes: the same for the level below the classes.

    Returns:
        A `keras.Model`: image (n, S, S, 3) in -1…1 → [logits (n, labels), cam (n, h, w, labels)], and optionally
        embedding (n, d), attributes and subtypes (n, values).

    Raises:
        ModelError: the model is not of that form.
    """
    try:
        trunk, dense = model.get_layer("trunk"), model.get_layer("logits")
        rescaling = model.get_layer("to_unit")
    except ValueError as error:
        raise ModelError(
            "The model is no classifier of this project: it lacks the layers to_unit, trunk and logits.",
            "Train one with `hemato-edge train classify`.",
        ) from error
    if abs(float(rescaling.scale) - 1 / 127.5) > 1e-9 or float(rescaling.offset) != -1.0:
        raise ModelError("The model does not rescale bytes to -1…1.", "Train one with `hemato-edge train classify`.")
    size = int(model.input_shape[1])
    image = keras.Input((size, size, 3), batch_size=1 if static_batch else None, name=INPUT)
    further = {EMBEDDING_OUTPUT: projection, ATTRIBUTES_OUTPUT: attributes, SUBTYPES_OUTPUT: subtypes}
    taps = TAPS[model.name] if any(isinstance(one, keras.Model) for one in further.values()) else ()
    maps = [trunk.get_layer(name).output for name in taps]
    *tapped, features = keras.Model(trunk.inputs, [*maps, *trunk.outputs])(image) if maps else [trunk(image)]
    pooled = keras.layers.GlobalAveragePooling2D(name="pooling")(features)
    logits = dense(pooled)
    kernel = np.asarray(dense.kernel)
    cam = keras.layers.Conv2D(kernel.shape[1], 1, use_bias=False, name=CAM_OUTPUT)
    maps = cam(features)
    cam.kernel.assign(kernel[None, None])
    outputs = [logits, maps]
    for name, layer in further.items():
        if isinstance(layer, keras.Model):
            outputs.append(layer([*tapped, pooled]))
        elif layer is not None:
            made = keras.layers.Dense(len(layer.bias), name=name)
            outputs.append(made(pooled))
            made.set_weights([layer.kernel, layer.bias])
    return keras.Model(image, outputs)


def output_names(network: Any) -> dict[tuple[int, ...], str]:
    """Shape without the batch → name of each output of an export graph, since shapes distinguish them.

    Raises:
        ModelError: two have the same shape.
    """
    outputs = zip(network.output_names, network.outputs, strict=True)
    names = {tuple(int(side) for side in output.shape[1:]): str(name) for name, output in outputs}
    if len(names) < len(network.outputs):
        raise ModelError("Two outputs of the model have the same length.", "Choose another size of the embedding.")
    return names
