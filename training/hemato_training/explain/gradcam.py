"""Which part of the crop spoke for a label: Grad-CAM for any Keras classifier, on TensorFlow, JAX or PyTorch.

R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization", ICCV 2017.
For a head of average pooling and one dense layer it equals the class activation map (Zhou et al. 2016) up to a
constant, which the converted bundle gives out exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from hemato_edge.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hemato_edge.models.classifier_model import ClassifierModel

_BATCH = 32


class GradCam:
    """The maps of one Keras classifier.

    Args:
        model: (n, S, S, 3) → logits (n, labels), functional or sequential, with a feature map somewhere within.

    Raises:
        ModelError: if it has no layer that gives a map.
    """

    def __init__(self, model: Any) -> None:
        self.layer_name, self._front, self._head = split_at_last_map(model)
        self._gradient = _gradient_of(self._head)

    def maps(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64], *, signed: bool = False
    ) -> NDArray[np.float32]:
        """The map of one label for each image.

        Args:
            images: (n, S, S, 3) as the model takes them.
            labels: (n,) which logit is explained.
            signed: keep what speaks against the label too; else it is 0 (the ReLU of the paper).

        Returns:
            (n, h, w) at the resolution of the last feature map; relative values, only comparable within one map.
        """
        parts = []
        for i in range(0, len(images), _BATCH):
            batch = keras.ops.convert_to_tensor(images[i : i + _BATCH].astype(np.float32))
            features = self._front(batch)
            gradient = self._gradient(features, labels[i : i + _BATCH])
            importance = gradient.mean(axis=(1, 2), keepdims=True)
            parts.append((importance * keras.ops.convert_to_numpy(features)).sum(axis=-1))
        maps: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
        return maps if signed else np.clip(maps, 0, None)


def split_at_last_map(model: Any) -> tuple[str, Callable[[Any], Any], Callable[[Any], Any]]:
    """A model in two: up to its last feature map (n, h, w, channels), and from there to the logits, in inference mode.

    Returns:
        The name of the layer that gives the map, and the two parts, which share the model's weights.

    Raises:
        ModelError: if no layer takes a map.
    """
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.InputLayer):
            continue
        taken, given = _tensors_within(model, layer)
        if not _is_map(taken):
            continue
        if isinstance(layer, keras.Model) and not _is_map(given):
            name, front, head = split_at_last_map(layer)
            return name, _chain(_part(model.inputs[0], taken), front), _chain(head, _part(given, model.outputs[0]))
        features = given if _is_map(given) else taken
        name = features._keras_history.operation.name
        return name, _part(model.inputs[0], features), _part(features, model.outputs[0])
    raise ModelError(
        f"The model {model.name} has no feature map, so nothing shows where it looks.",
        "Explain a convolutional classifier.",
    )


def _is_map(tensor: Any) -> bool:
    return len(tensor.shape) == 4 and max(tensor.shape[1:3]) > 1


def _tensors_within(model: Any, layer: Any) -> tuple[Any, Any]:
    """What a layer takes and gives inside of this model; a nested model's own `input` belongs to its inner graph."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    # there is no public way from a layer to its place in one of several graphs
    node = next(node for group in graph._nodes_by_depth.values() for node in group if node.operation is layer)
    return node.input_tensors[0], node.outputs[0]


def _part(first: Any, last: Any) -> Callable[[Any], Any]:
    """From one tensor of a graph to another, as a function in inference mode."""
    if first is last:
        return lambda x: x
    part = keras.Model(first, last)
    return lambda x: part(x, training=False)


def _chain(first: Callable[[Any], Any], second: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: second(first(x))


def bundle_maps(
    model: ClassifierModel, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> NDArray[np.float32] | None:
    """The exact class activation maps (n, h, w) out of an int8 bundle, None where it has no such output.

    Args:
        model: the loaded bundle.
        images: (n, S, S, 3) uint8 in the card's channel order.
        labels: (n,) which label is explained.
    """
    maps = model.logits_and_maps(images)[1]
    return None if maps is None else np.maximum(maps[np.arange(len(labels)), :, :, labels], 0)


def _gradient_of(head: Any) -> Callable[[Any, NDArray[np.int64]], NDArray[np.float32]]:
    """(features, labels) → how each label's own logit changes with the features, same shape as they."""
    makers = {"tensorflow": _with_tensorflow, "jax": _with_jax, "torch": _with_torch}
    backend = keras.backend.backend()
    if backend not in makers:
        raise ModelError(f"Keras on {backend} gives no gradients.", f"Set KERAS_BACKEND to {', '.join(makers)}.")
    return makers[backend](head)


def _chosen(head: Any, features: Any, labels: NDArray[np.int64]) -> Any:
    """The sum of each image's chosen logit; images do not influence each other in inference."""
    logits = head(features)
    return keras.ops.sum(logits * keras.ops.one_hot(labels, logits.shape[-1], dtype=logits.dtype))


def _with_tensorflow(head: Any) -> Callable[[Any, NDArray[np.int64]], NDArray[np.float32]]:
    import tensorflow as tf

    def gradient(features: Any, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        with tf.GradientTape() as tape:
            tape.watch(features)
            total = _chosen(head, features, labels)
        return np.asarray(tape.gradient(total, features))

    return gradient


def _with_jax(head: Any) -> Callable[[Any, NDArray[np.int64]], NDArray[np.float32]]:
    import jax

    def gradient(features: Any, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.asarray(jax.grad(lambda f: _chosen(head, f, labels))(features))

    return gradient


def _with_torch(head: Any) -> Callable[[Any, NDArray[np.int64]], NDArray[np.float32]]:
    import torch

    def gradient(features: Any, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        leaf = features.detach().requires_grad_(True)
        (found,) = torch.autograd.grad(_chosen(head, leaf, labels), leaf)
        return np.asarray(found.cpu())

    return gradient
