"""Functions stay short, and none hands a long list of things on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("edge", "convert", "training", "benchmarks")
LONGEST = 60
"""Lines from `def` to the last statement, the docstring among them."""
MOST_ARGUMENTS = 5
"""Of a private function or method, `self` not among them."""


def functions(folder: str) -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield path.relative_to(ROOT), node


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_function_is_long(folder: str) -> None:
    found = ((f"{path}:{node.lineno} {node.name}", lines(node)) for path, node in functions(folder))
    long = [f"{name}: {count}" for name, count in found if count > LONGEST]
    assert long == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_private_function_takes_a_long_list_of_things(folder: str) -> None:
    found = []
    for path, node in functions(folder):
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        every = [argument for argument in every if argument.arg not in ("self", "cls")]
        private = node.name.startswith("_") and not node.name.startswith("__")
        if private and len(every) > MOST_ARGUMENTS:
            found.append(f"{path}:{node.lineno} {node.name}: {len(every)}")
    assert found == []
