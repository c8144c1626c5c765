"""The console script: Ctrl-C while the program is being loaded ends it without a traceback."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run `hemato-edge`."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # as shells have it: nothing is open yet
    from hemato_edge.cli.main import main as run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    run()
