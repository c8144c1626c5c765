"""How much of a model a delegate (XNNPACK) runs; other operations are many times slower."""

from __future__ import annotations

from typing import Any


def delegated_operations(interpreter: Any) -> tuple[int, int]:
    """Number of operations of the graph run by a delegate, and of all operations.

    The runtime lists replaced operations, too, without marking them: they are those between a delegate's inputs and its
    outputs.
    """
    details = interpreter._get_ops_details()  # there is no public way to ask
    own = [op for op in details if op["op_name"] != "DELEGATE"]
    made_by = {int(tensor): op for op in own for tensor in op["outputs"]}
    taken: set[int] = set()
    for delegate in (op for op in details if op["op_name"] == "DELEGATE"):
        given = {int(tensor) for tensor in delegate["inputs"]}
        wanted = [int(tensor) for tensor in delegate["outputs"]]
        while wanted:
            op = made_by.get(wanted.pop())
            if op is None or op["index"] in taken:
                continue
            taken.add(op["index"])
            wanted += [int(tensor) for tensor in op["inputs"] if int(tensor) not in given]
    return len(taken), len(own)
