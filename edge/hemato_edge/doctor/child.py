"""Asks a question of a Python process of its own: a crash in native code then ends that one only."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

LIMIT_S = 3.5


def ask_python(*arguments: str, limit_s: float = LIMIT_S) -> tuple[dict[str, Any] | None, str]:
    """The JSON object that `python ARGUMENTS…` prints as its last line, and why it did not end well, if it did not.

    A process that takes too long is stopped; what it had printed by then is its answer.
    """
    with subprocess.Popen(  # noqa: S603 -- this same Python, with code of this package
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        try:
            said, complained = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            return _last(said), f"it took longer than {limit_s:g} s"
    if process.returncode < 0:
        return _last(said), f"it crashed ({signal.Signals(-process.returncode).name})"
    answer = _last(said)
    if answer is None:
        lines = complained.strip().splitlines()
        return None, lines[-1] if lines else f"it ended with {process.returncode} and said nothing"
    return answer, ""


def _last(said: str) -> dict[str, Any] | None:
    for line in reversed(said.strip().splitlines()):
        try:
            answer = json.loads(line)
        except ValueError:  # cut off, or no answer
            continue
        return answer if isinstance(answer, dict) else None
    return None
