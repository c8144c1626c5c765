"""Steps of the wall clock, which a person or the network sets, against the monotonic one, which nobody does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

CLOCK_SET = "clock_set"
"""The name of the warning in a session's tallies, where it was noticed while it ran."""
TOLERANCE_S = 2.0
"""The two clocks are read one after the other, on a busy device."""
SLEWED = 500e-6
"""Fastest that NTP slews a clock instead of setting it (the kernel's limit, 500 ppm: adjtimex(2))."""


def step_s(one: tuple[float, datetime], other: tuple[float, datetime]) -> float:
    """By how many seconds the clock was set between two readings; 0 where it was not.

    Args:
        one: monotonic seconds, and the wall clock at that moment.
        other: the same of a later moment.
    """
    elapsed_s = other[0] - one[0]
    step = (other[1] - one[1]).total_seconds() - elapsed_s
    return step if abs(step) > TOLERANCE_S + SLEWED * abs(elapsed_s) else 0.0
