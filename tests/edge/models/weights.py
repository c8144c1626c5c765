"""The weight tensors in a flatbuffer: where each one lies, so that a test can change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_TYPES = {schema.TensorType.INT8: np.dtype("<i1"), schema.TensorType.INT32: np.dtype("<i4")}
_WEIGHTED = {schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D} | {
    schema.BuiltinOperator.FULLY_CONNECTED
}


@dataclass(frozen=True)
class Weights:
    """One tensor of weights or biases: its name, first byte, and type."""

    name: str
    start: int
    count: int
    dtype: np.dtype[Any]

    def of(self, flatbuffer: bytes) -> NDArray[Any]:
        return np.frombuffer(flatbuffer, self.dtype, self.count, self.start)

    def changed(self, flatbuffer: bytes, change: Callable[[NDArray[Any]], NDArray[Any]]) -> bytes:
        """The flatbuffer with this tensor changed, and really so."""
        values = self.of(flatbuffer)
        other = change(values.copy()).astype(self.dtype)
        assert (other != values).any(), self.name
        content = other.tobytes()
        return flatbuffer[: self.start] + content + flatbuffer[self.start + len(content) :]


def weights_of(flatbuffer: bytes) -> list[Weights]:
    """All weights and biases of convolutions and dense layers, each once."""
    model = schema.Model.GetRootAs(flatbuffer, 0)
    graph, found = model.Subgraphs(0), {}
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        code = model.OperatorCodes(operator.OpcodeIndex())
        if max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) not in _WEIGHTED:
            continue
        for place in range(1, operator.InputsLength()):
            tensor = graph.Tensors(operator.Inputs(place))
            buffer = model.Buffers(tensor.Buffer())
            if buffer.DataLength():
                start = buffer._tab.Vector(buffer._tab.Offset(4))
                dtype = _TYPES[tensor.Type()]
                name = tensor.Name().decode()
                found[start] = Weights(name, start, buffer.DataLength() // dtype.itemsize, dtype)
    return list(found.values())
