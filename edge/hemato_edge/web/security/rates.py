"""How often something may be asked: fixed windows a minute or an hour, doubling waits for wrong codes."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_ADDRESSES = 1024
"""Addresses that are remembered; the oldest go."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many in so many seconds, an address; where `doubling`, each further window is twice as long."""

    most: int
    window_s: float
    doubling: bool = False


LIMITS: dict[str, Limit] = {
    "pair": Limit(5, 60.0, doubling=True),
    "upload": Limit(20, 3600.0),
    "classify": Limit(120, 3600.0),
}
"""By name, as the table of routes says it."""


@dataclass(slots=True)
class _Window:
    began_s: float
    length_s: float
    asked: int = 0


@dataclass(slots=True)
class Rates:
    """Counts what each address asks. Safe in any thread.

    Attributes:
        refused: refusals so far, by limit: they are counted, not logged one by one.
    """

    clock: Callable[[], float] = time.monotonic
    refused: dict[str, int] = field(default_factory=dict)
    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_s(self, name: str, address: str) -> float:
        """Note a question; 0 if it may be asked now, else the seconds until it may."""
        limit, now = LIMITS[name], self.clock()
        with self._lock:
            window = self._windows.get((name, address))
            if window is None or now - window.began_s >= window.length_s:
                length = limit.window_s
                if window is not None and limit.doubling and window.asked > limit.most:
                    length = min(2 * window.length_s, 3600.0)
                window = self._windows[name, address] = _Window(now, length)
                while len(self._windows) > MOST_ADDRESSES:
                    del self._windows[next(iter(self._windows))]
            window.asked += 1
            if window.asked <= limit.most:
                return 0.0
            self.refused[name] = self.refused.get(name, 0) + 1
            return window.began_s + window.length_s - now

    def forgive(self, name: str, address: str) -> None:
        """Forget what an address asked: it has shown that it may."""
        with self._lock:
            self._windows.pop((name, address), None)
