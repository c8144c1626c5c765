"""Repeated timing of one call, within a share of the available time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def sample_ms(
    call: Callable[[], object], seconds: float, *, warm_up: int = 2, least: int = 3, most: int = 200
) -> list[float]:
    """Milliseconds of each call, after a warm-up that is discarded.

    Args:
        call: the function to time.
        seconds: time limit, including the warm-up.
        warm_up: calls before the first one that counts; at least one.
        least: minimum number of timed calls, even if they exceed the limit.
        most: maximum number of timed calls.
    """
    ends = time.perf_counter() + seconds
    for _ in range(max(1, warm_up)):
        call()
        if time.perf_counter() > ends:
            break
    times: list[float] = []
    while len(times) < most and (len(times) < least or time.perf_counter() < ends):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1e3)
    return times


class Deadline:
    """A deadline shared by several pieces of work.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    @property
    def left_s(self) -> float:
        """Seconds left, 0 once it has passed."""
        return max(0.0, self._ends - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether it has passed."""
        return self.left_s <= 0
