"""Programs that end with the test that started them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from waiting import DEADLINE_S


@contextmanager
def process(command: Sequence[str], **how: Any) -> Iterator[subprocess.Popen[str]]:
    """A program from `with` to its end, whatever fails in between: the end of `Popen` alone waits without a bound."""
    with subprocess.Popen(command, text=True, **how) as started:
        try:
            yield started
        finally:
            started.terminate()
            try:
                started.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                started.kill()
                raise
