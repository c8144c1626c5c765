"""A public function that takes an array says its shape."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHAPE = re.compile(r"\([\w …×*+/-]*,[^()]*\)|\([\w … ]+,?\)")
"""Such as (n, 4), (H, W, 3), (n,) or (…, 3)."""
ELSEWHERE = re.compile(r"[Ss]ee `|[Aa]s `")
"""Another function's docstring has it."""


def public_functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Functions of a module and methods of its classes that anybody may call; none within a function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from public_functions(node)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def takes_array(function: ast.FunctionDef) -> bool:
    annotations = [a.annotation for a in (*function.args.args, *function.args.kwonlyargs) if a.annotation is not None]
    return any("NDArray" in ast.unparse(annotation) for annotation in annotations)


@pytest.mark.parametrize("folder", ["edge", "convert", "training"])
def test_a_function_that_takes_an_array_says_its_shape(folder: str) -> None:
    silent = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        for function in public_functions(ast.parse(path.read_text(encoding="utf-8"))):
            told = ast.get_docstring(function) or ""
            if takes_array(function) and not (SHAPE.search(told) or ELSEWHERE.search(told)):
                silent.append(f"{path.relative_to(ROOT)}:{function.lineno} {function.name}")
    assert silent == []
