"""No test waits for a fixed time: it waits until something happens, and `waiting.DEADLINE_S` ends one that has failed.

A machine with other work to do takes a hundred times as long as an idle one. A time limit of a few seconds or a sleep
that "is long enough" is a race that such a machine loses.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SHORT_S = 1.0
"""Up to here a wait is a poll, or shows that nothing comes; that can pass too easily, but it cannot fail."""
WAITING = {"wait", "join", "communicate", "sleep", "run", "urlopen", "get"}
MODULES = sorted(path for path in TESTS.rglob("*.py") if "systemd" not in path.parts)


def fixed_waits(source: str) -> Iterator[int]:
    """The lines on which something waits for a number of seconds that stands there."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in WAITING:
            continue
        limits = [keyword.value for keyword in node.keywords if keyword.arg == "timeout"]
        limits += node.args[:1] if name in {"wait", "join", "sleep"} else []
        for limit in limits:
            if isinstance(limit, ast.Constant) and isinstance(limit.value, (int, float)) and limit.value > SHORT_S:
                yield node.lineno


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(TESTS).as_posix())
def test_nothing_waits_for_a_number_of_seconds(path: Path) -> None:
    assert list(fixed_waits(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("line", ["event.wait(5)", "run(x, timeout=120)", "time.sleep(1.5)", "thread.join(20)"])
def test_a_fixed_wait_is_found(line: str) -> None:
    assert list(fixed_waits(line)) == [1]


@pytest.mark.parametrize("line", ["event.wait(DEADLINE_S)", "time.sleep(0.02)", '",".join(names)', "event.wait(0.3)"])
def test_what_cannot_fail_is_none(line: str) -> None:
    assert list(fixed_waits(line)) == []
