"""The console script: what has to be settled before NumPy is loaded, and Ctrl-C while modules are loaded."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from hemato_edge.cli.collection import pause_collection

AGAIN_S = 0.05
"""A Ctrl-C that came while a module was loaded is tried again after this long, in seconds."""


def interrupt(number: int, frame: FrameType | None) -> None:
    """Ctrl-C, put off while a module is loaded.

    An extension whose loading is cut off prints a traceback of its own and leaves half a module behind.

    Raises:
        KeyboardInterrupt: nothing is being loaded.
    """
    if not _loading(frame):
        raise KeyboardInterrupt
    again = threading.Timer(AGAIN_S, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


def _loading(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def main() -> None:
    """Run `hemato-edge`.

    NumPy's linear algebra gets one thread, unless the environment says otherwise: the matrices here are small, and
    where the processors are busy each of thousands waits for the second thread (a report took 18 to 38 s instead of 2).
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    pause_collection()
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # as shells have it: nothing is open yet
    from hemato_edge.cli.main import main as run

    signal.signal(signal.SIGINT, interrupt)
    run()
