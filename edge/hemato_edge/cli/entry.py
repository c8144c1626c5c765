"""The console script: what has to be settled before NumPy is loaded, and Ctrl-C until then."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run `hemato-edge`.

    NumPy's linear algebra gets one thread, unless the environment says otherwise: the matrices here are small, and
    where the processors are busy each of thousands waits for the second thread (a report took 18 to 38 s instead of 2).
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # as shells have it: nothing is open yet
    from hemato_edge.cli.main import main as run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    run()
