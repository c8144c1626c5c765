"""Runs a module's function on paths, and kills the process at its n-th link, sync, rename, replacement or removal.

python killed_at_step.py MODULE FUNCTION STEP PATH…
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path

calls = 0


def counted(function: Callable[..., object]) -> Callable[..., object]:
    @wraps(function)
    def wrapper(*args: object, **kwargs: object) -> object:
        global calls
        calls += 1
        if calls > int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return wrapper


if __name__ == "__main__":
    work = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
    os.link, os.fsync = counted(os.link), counted(os.fsync)
    for name in ("rename", "replace", "unlink"):
        setattr(Path, name, counted(getattr(Path, name)))
    work(*map(Path, sys.argv[4:]))
    sys.stdout.write(f"whole {calls}")
