"""How much of a model a delegate (XNNPACK) runs; what is left over runs many times slower."""

from __future__ import annotations

from typing import Any


def delegated_operations(interpreter: Any) -> tuple[int, int]:
    """How many operations of the graph a delegate runs, and how many there are.

    The runtime lists the operations that were replaced, too, but does not say which: they are those that lie between
    a delegate's inputs and its outputs.
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
