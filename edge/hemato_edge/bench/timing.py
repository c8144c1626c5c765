"""Timing one call many times, within a share of the time that there is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def sample_ms(
    call: Callable[[], object], seconds: float, *, warm_up: int = 2, least: int = 3, most: int = 200
) -> list[float]:
    """Milliseconds of each call, after a warm-up that is not kept.

    Args:
        call: what is timed.
        seconds: stop after so long, the warm-up included.
        warm_up: calls before the first one that counts; the first of all is always one.
        least: calls that count, even if they take longer.
        most: calls that count, even if there is time left.
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
    """An end in the future that several pieces of work share.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    @property
    def left_s(self) -> float:
        """Seconds that are left, 0 when there are none."""
        return max(0.0, self._ends - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether it has passed."""
        return self.left_s <= 0
