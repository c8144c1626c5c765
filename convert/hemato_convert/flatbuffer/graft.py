"""The names of an earlier bundle, bit for bit, in a flatbuffer that has further outputs.

A network that is converted anew from a bundle's rounded weights answers nearly the same: ranges move by a percent, and
of three hundred foreign cells six got another name. So everything that the earlier outputs depend on is taken from the
earlier file: weights, biases, and the scale of every tensor. What reads these tensors besides is adapted to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from hemato_convert.flatbuffer.graph import ATTRIBUTES_OUTPUT
from hemato_edge.errors import ModelError
from hemato_training.networks.from_bundle import needed_operators

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = 40
"""Characters of a tensor's name; those of inputs and outputs are shorter."""
_WITH_WEIGHTS = {
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
}


def with_names_of(flatbuffer: bytes, earlier: bytes, new: str = ATTRIBUTES_OUTPUT) -> bytes:
    """`flatbuffer` with all outputs but the new one taken from `earlier`.

    Args:
        flatbuffer: full int8, from `quantise`, of the network of `earlier` with another output `new`.
        earlier: full int8.
        new: name of an output; it may be missing in `earlier`.

    Raises:
        ModelError: they are not of one network.
    """
    made = flatbuffer_utils.read_model_from_bytearray(bytearray(flatbuffer))
    base = flatbuffer_utils.read_model_from_bytearray(bytearray(earlier))
    _drop_requantising(made)
    graph, old = made.subgraphs[0], base.subgraphs[0]
    same = _same_operators(made, base, new)
    kept: set[int] = set(graph.inputs.tolist())
    for place, earlier_place in same.items():
        ours, theirs = graph.operators[place], old.operators[earlier_place]
        pairs = [*zip(ours.outputs, theirs.outputs, strict=True)]
        if _code(made, ours) in _WITH_WEIGHTS:
            pairs += zip(ours.inputs[1:3], theirs.inputs[1:3], strict=True)
        for own, other in pairs:
            if own < 0 or other < 0:  # a bias of zeros is left out
                if own != other:
                    raise _another_network()
                continue
            graph.tensors[own].quantization = old.tensors[other].quantization
            content = base.buffers[old.tensors[other].buffer].data
            if content is not None:
                made.buffers[graph.tensors[own].buffer].data = content
        kept |= {int(index) for index in ours.outputs}
    _adapt(made, (place for place in range(len(graph.operators)) if place not in same), kept)
    _shorten_names(graph)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(made))


def _shorten_names(graph: Any) -> None:
    """The ends of the converter's names, which say the layer: whole they take some ten kilobytes."""
    for tensor in graph.tensors:
        tensor.name = bytes(tensor.name)[-_NAME:]


def _drop_requantising(model: Any) -> None:
    """Let what reads an int8 tensor at a scale of its own read it as it is; `_adapt` does the rest.

    The converter does so where two concatenations read one tensor, and each has other neighbours in it.
    """
    graph, kept = model.subgraphs[0], []
    for operator in graph.operators:
        given, made = int(operator.inputs[0]), int(operator.outputs[0])
        types = {graph.tensors[index].type for index in (given, made)}
        again = _code(model, operator) == schema.BuiltinOperator.QUANTIZE and types == {schema.TensorType.INT8}
        if not again or made in graph.outputs:
            kept.append(operator)
            continue
        for other in graph.operators:
            other.inputs = np.where(np.asarray(other.inputs) == made, given, other.inputs)
    graph.operators = kept


def _same_operators(made: Any, base: Any, new: str) -> dict[int, int]:
    """Place of each operator of `made` but the new output's → the place of the same one in `base`.

    The same: of one kind, with an output of one shape, reading the same tensors. Their order may differ.

    Raises:
        ModelError: they are not of one network.
    """
    graph, old = made.subgraphs[0], base.subgraphs[0]
    tensors = dict(zip(old.inputs.tolist(), graph.inputs.tolist(), strict=True))
    waiting, same = _operators_without(graph, new), {}
    for earlier in _operators_without(old, new):
        computed = [tensors[index] for index in old.operators[earlier].inputs.tolist() if index in tensors]
        form = _form(base, earlier)
        for place in waiting:
            if _form(made, place) == form and set(computed) <= set(graph.operators[place].inputs.tolist()):
                break
        else:
            raise _another_network()
        waiting.remove(place)
        same[place] = earlier
        pairs = zip(old.operators[earlier].outputs.tolist(), graph.operators[place].outputs.tolist(), strict=True)
        tensors |= dict(pairs)
    if waiting:
        raise _another_network()
    return same


def _another_network() -> ModelError:
    return ModelError("The bundle whose names are to be kept has another network.", "Name the one it came from.")


def _operators_without(graph: Any, new: str) -> list[int]:
    """Places of the operators of all outputs but the new one, in execution order."""
    names = {graph.tensors[index].name.decode() for index in graph.outputs} - {new}
    return sorted(set().union(*(needed_operators(graph, name) for name in names)))


def _form(model: Any, place: int) -> tuple[int, tuple[int, ...]]:
    """Kind of an operator, and the shape of its output without the batch."""
    operator = model.subgraphs[0].operators[place]
    shape = model.subgraphs[0].tensors[operator.outputs[0]].shape
    return _code(model, operator), tuple(int(side) for side in shape[1:])


def _code(model: Any, operator: Any) -> int:
    code = model.operatorCodes[operator.opcodeIndex]
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))


def _adapt(model: Any, places: Iterable[int], kept: set[int]) -> None:
    """Let the other operators read the kept tensors at their scales.

    A concatenation has one scale for all, and biases are reckoned anew.
    """
    graph = model.subgraphs[0]
    others = [graph.operators[place] for place in places]
    for operator in others:
        if _code(model, operator) == schema.BuiltinOperator.CONCATENATION:
            scales = [graph.tensors[index].quantization for index in operator.inputs if int(index) in kept]
            if len({float(one.scale[0]) for one in scales}) > 1:
                raise ModelError("Two kept tensors of other scales are joined.", "Train the branch again.")
            for index in (*operator.inputs, *operator.outputs) if scales else ():
                graph.tensors[index].quantization = scales[0]
    for operator in others:
        if _code(model, operator) in _WITH_WEIGHTS and min(operator.inputs[:3]) >= 0:
            given, kernel, bias = (graph.tensors[index] for index in operator.inputs[:3])
            before = np.asarray(bias.quantization.scale, np.float64)
            after = float(given.quantization.scale[0]) * np.asarray(kernel.quantization.scale, np.float64)
            steps = np.frombuffer(bytes(model.buffers[bias.buffer].data), np.int32)
            moved = np.round(steps * (before / after)).astype(np.int32)
            model.buffers[bias.buffer].data = np.frombuffer(moved.tobytes(), np.uint8)
            bias.quantization.scale = after.astype(np.float32)
