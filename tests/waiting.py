"""Waiting for what another thread or process does: for as long as a very busy machine may need, never a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE_S = 600.0
"""For what takes milliseconds to seconds on an idle machine; a test that waits so long has failed."""


def until(happened: Callable[[], object], what: str) -> None:
    """Wait until something has happened; fail when it does not."""
    deadline = time.monotonic() + DEADLINE_S
    while not happened():
        assert time.monotonic() < deadline, f"still waiting: {what}"
        time.sleep(0.02)
