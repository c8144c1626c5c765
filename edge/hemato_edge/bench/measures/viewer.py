"""Somebody who watches a run of the bench: asks for the newest picture as often as the page does."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from hemato_edge.pipeline.running.viewfinder import Viewfinder

if TYPE_CHECKING:
    from types import TracebackType

PICTURES_A_SECOND = 10
"""As often as the page asks, at most."""
_WIDTH_PX = 640
_WAIT_S = 0.2


class Watching:
    """A viewfinder and a thread that takes its pictures, for as long as the block lasts.

    Attributes:
        viewfinder: for the run that is watched.
    """

    def __init__(self) -> None:
        self.viewfinder = Viewfinder()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="viewer", daemon=True)

    def __enter__(self) -> Watching:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self.viewfinder.close()
        self._thread.join()

    def _look(self) -> None:
        after = 0
        while not self._over.is_set():
            due = time.monotonic() + 1 / PICTURES_A_SECOND
            sight = self.viewfinder.wait(after, _WAIT_S)
            if sight is not None:
                self.viewfinder.jpeg(sight, _WIDTH_PX)
                after = sight.seq
            self._over.wait(max(0.0, due - time.monotonic()))
