"""Asks a question of a Python process of its own: a crash in native code then ends that one only."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

LIMIT_S = 4.0


def ask_python(*arguments: str, limit_s: float = LIMIT_S) -> tuple[dict[str, Any] | None, str]:
    """The JSON object that `python ARGUMENTS…` prints as its last line; or None, and why there is none."""
    try:
        done = subprocess.run(  # noqa: S603 -- this same Python, with code of this package
            [sys.executable, *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"it took longer than {limit_s:g} s"
    if done.returncode < 0:
        return None, f"it crashed ({signal.Signals(-done.returncode).name})"
    lines = done.stdout.strip().splitlines()
    try:
        answer = json.loads(lines[-1] if lines else "")
    except ValueError:
        last = done.stderr.strip().splitlines()
        return None, last[-1] if last else f"it ended with {done.returncode}"
    return (answer, "") if isinstance(answer, dict) else (None, "it gave no answer")
