"""The program as a process that runs while a test looks at it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from waiting import DEADLINE_S


@contextmanager
def running(folder: Path, *arguments: object, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """`hemato-edge ARGUMENTS…` in `folder`, which is its home as well; ended by SIGTERM if it still runs."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEMATO_EDGE_", "XDG_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "hemato_edge.cli.main", *(str(argument) for argument in arguments)],
        cwd=folder,
        env=environment | {"HOME": str(folder), "COLUMNS": "200"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE_S)
        finally:
            process.kill()
