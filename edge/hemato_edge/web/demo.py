"""The demo behind the page: a run of its own over the drawn slide, started anew after each session."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import FrameType, TracebackType

END_S = 8.0
AGAIN_S = 1.0
"""How long to wait before a run that ended is started anew."""


class Runs:
    """`run --wait` as a child process, again and again, as systemd does with the service. A context manager.

    Args:
        arguments: for `hemato-edge run`, besides --wait.
        door: the socket that it is to open.
        database: where it records.
    """

    def __init__(self, arguments: Sequence[str], door: Path, database: Path) -> None:
        self._command = [sys.executable, "-m", "hemato_edge.cli.main", "run", "--wait", "--no-display"]
        self._command += ["--door", str(door), "--db", str(database), *arguments]
        self._ended = threading.Event()
        self._ends_in_order = False
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._again, name="runs", daemon=True)

    def __enter__(self) -> Runs:
        self._ends_in_order = threading.current_thread() is threading.main_thread() and _default_end()
        if self._ends_in_order:  # before the server has handlers of its own, a stop would leave the child behind
            signal.signal(signal.SIGTERM, _leave)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._ends_in_order:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
        self._thread.join(END_S)
        if child is not None and child.poll() is None:
            child.kill()

    def _again(self) -> None:
        while not self._ended.is_set():
            self._child = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
            if self._ended.is_set():
                self._child.terminate()
            self._child.wait()
            self._ended.wait(AGAIN_S)


def _default_end() -> bool:
    return signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
