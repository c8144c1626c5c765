"""Continuing from an int8 bundle: its dequantised weights in a Keras network of the same architecture.

This allows training the shipped classifier further with a site's own cells without its Keras file. The converter has
folded each batch normalisation into the convolution before it, so here the normalisation only adds the bias; it is
frozen in fine-tuning anyway. The rounding to int8 is not undone: outputs differ from the bundle's by about its own
rounding error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from hemato_edge.errors import DataError
from hemato_edge.models.bundle import read_bundle
from hemato_edge.models.classifier_model import ATTRIBUTES, LOGITS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Weights = tuple[str, NDArray[np.float64], NDArray[np.float64]]

_CONVOLUTION, _DEPTHWISE, _DENSE = "Conv2D", "DepthwiseConv2D", "Dense"


def take_over_bundle(trunk: Any, head: Any, path: Path) -> None:
    """Load the weights of an int8 bundle into a trunk and its dense head, layer by layer in graph order.

    Args:
        trunk: a `keras.Model` of convolutions, each followed by a batch normalisation.
        head: the dense layer of the logits.
        path: the bundle.

    Raises:
        DataError: the bundle is of another architecture.
        ModelError: as `read_bundle`.
    """
    stored = list(_stored(read_bundle(path).flatbuffer, LOGITS))
    wanted = [layer for layer in trunk.layers if type(layer).__name__ in (_CONVOLUTION, _DEPTHWISE)]
    dense = [weights for weights in stored if weights[0] == _DENSE and len(weights[2]) == head.units]
    refusal = DataError(
        f"{path} cannot be continued with this architecture.", "Name a bundle that was trained with the same one."
    )
    if len(stored) < len(wanted) or len(dense) != 1:
        raise refusal
    for layer, (kind, kernel, bias) in zip(wanted, stored, strict=False):
        shape = tuple(layer.weights[0].shape)
        arranged = _arranged(kind, kernel)
        norm = _normalisation_after(trunk, layer)
        if kind != type(layer).__name__ or arranged.shape != shape or norm is None:
            raise refusal
        layer.weights[0].assign(arranged)
        _only_add(norm, bias)
    head.set_weights([dense[0][1].T, dense[0][2]])


def _arranged(kind: str, kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """A stored kernel, (out, h, w, in) or (1, h, w, channels), in Keras's axis order."""
    if kind == _CONVOLUTION:
        return kernel.transpose(1, 2, 3, 0)
    return kernel[0][..., None] if kind == _DEPTHWISE else kernel


def _normalisation_after(trunk: Any, layer: Any) -> Any:
    """The batch normalisation directly after `layer`, or None."""
    later = trunk.layers[trunk.layers.index(layer) + 1 :]
    return next((one for one in later if isinstance(one, keras.layers.BatchNormalization)), None)


def take_over_branch(branch: Any, path: Path) -> bool:
    """Load a bundle's attribute branch into a fresh one; False, and nothing changed, if it has no such branch.

    Args:
        branch: from `hemato_training.networks.attribute_branch.build_branch`.
        path: the bundle.
    """
    flatbuffer = read_bundle(path).flatbuffer
    stored = list(_stored(flatbuffer, ATTRIBUTES, without=LOGITS))
    kinds = (_CONVOLUTION, _DEPTHWISE, _DENSE)
    wanted = [layer for layer in branch.layers if type(layer).__name__ in kinds]
    arranged = [kernel.T if kind == _DENSE else _arranged(kind, kernel) for kind, kernel, _ in stored]
    if [one.shape for one in arranged] != [tuple(layer.weights[0].shape) for layer in wanted]:
        return False
    for layer, kernel, (_, _, bias) in zip(wanted, arranged, stored, strict=True):
        if type(layer).__name__ == _DENSE:
            layer.set_weights([kernel, bias])
            continue
        layer.weights[0].assign(kernel)
        _only_add(_normalisation_after(branch, layer), bias)
    return True


def _only_add(norm: Any, bias: NDArray[np.float64]) -> None:
    """Let a batch normalisation only add a bias."""
    n = len(bias)
    norm.set_weights([np.full(n, np.sqrt(1 + norm.epsilon)), bias, np.zeros(n), np.ones(n)])


def _stored(flatbuffer: bytes, output: str, without: str | None = None) -> Iterator[Weights]:
    """Kind, kernel and bias of each layer with weights that an output needs, dequantised, in execution order.

    Layers that the output `without` needs, too, are left out.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    kinds = {
        schema.BuiltinOperator.CONV_2D: _CONVOLUTION,
        schema.BuiltinOperator.DEPTHWISE_CONV_2D: _DEPTHWISE,
        schema.BuiltinOperator.FULLY_CONNECTED: _DENSE,
    }
    types = {schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(flatbuffer))
    graph = model.subgraphs[0]

    def real(index: int) -> NDArray[np.float64]:
        tensor = graph.tensors[index]
        content = np.frombuffer(bytes(model.buffers[tensor.buffer].data), types[tensor.type])
        scale, shape = np.asarray(tensor.quantization.scale), [1] * len(tensor.shape)
        if len(scale) > 1:  # one scale per channel
            shape[tensor.quantization.quantizedDimension] = -1
        steps: NDArray[np.float64] = content.reshape(tensor.shape) * scale.reshape(shape)
        return steps

    shared = set() if without is None else needed_operators(graph, without)
    for place in sorted(needed_operators(graph, output) - shared):
        operator = graph.operators[place]
        code = model.operatorCodes[operator.opcodeIndex]
        kind = kinds.get(max(code.builtinCode, code.deprecatedBuiltinCode))
        if kind is not None and len(operator.inputs) > 2 and operator.inputs[2] >= 0:
            yield kind, real(operator.inputs[1]), real(operator.inputs[2])


def needed_operators(graph: Any, output: str) -> set[int]:
    """Places of the operators that a named output depends on."""
    tensors = {index for index in graph.outputs if graph.tensors[index].name.decode() == output}
    found = set()
    for place in reversed(range(len(graph.operators))):
        operator = graph.operators[place]
        if tensors & {int(index) for index in operator.outputs}:
            tensors |= {int(index) for index in operator.inputs}
            found.add(place)
    return found
