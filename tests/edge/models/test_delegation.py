"""Which operations a delegate took."""

from __future__ import annotations

from typing import Any

import pytest

from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.engines.choice import find_runtime, start_engine
from hemato_edge.models.engines.delegation import delegated_operations


class Listed:
    """An interpreter that lists these operations: (name, inputs, outputs)."""

    def __init__(self, *operations: tuple[str, list[int], list[int]]) -> None:
        self._operations = operations

    def _get_ops_details(self) -> list[dict[str, Any]]:
        return [
            {"index": i, "op_name": name, "inputs": inputs, "outputs": outputs}
            for i, (name, inputs, outputs) in enumerate(self._operations)
        ]


CHAIN = (("QUANTIZE", [0], [1]), ("CONV_2D", [1, 9], [2]), ("ADD", [2, 1], [3]), ("TILE", [3], [4]))


@pytest.mark.parametrize(
    ("delegates", "taken"),
    [
        ((), 0),
        ((("DELEGATE", [0, 9], [4]),), 4),
        ((("DELEGATE", [1, 9], [3]),), 2),  # begins after QUANTIZE, ends before TILE
        ((("DELEGATE", [0], [1]), ("DELEGATE", [3], [4])), 2),
    ],
)
def test_operations_between_a_delegates_inputs_and_outputs_are_taken(
    delegates: tuple[tuple[str, list[int], list[int]], ...], taken: int
) -> None:
    assert delegated_operations(Listed(*CHAIN, *delegates)) == (taken, 4)


def test_without_a_delegate_nothing_is_taken() -> None:
    runtime = find_runtime()
    bundle = read_bundle(shipped_classifier())
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = Interpreter(
        model_content=bundle.flatbuffer,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    plain.allocate_tensors()
    taken, operations = delegated_operations(plain)
    assert taken == 0
    with_delegate = start_engine(bundle, runtime, 1).delegation()
    assert with_delegate is not None
    assert with_delegate.operations == operations
    assert with_delegate.delegated > 0
    assert with_delegate.partitions == 1
