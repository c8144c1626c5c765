"""Whether the device's clock was set while a session ran, and when the session then began."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from hemato_edge.views.report.model import ClockSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hemato_edge.store.records import FieldRecord, SessionRecord

CLOCK_SET = "clock_set"
"""The name of the warning in a session's tallies, where it was noticed while it ran."""
TOLERANCE_S = 2.0
"""The two clocks are read one after the other, on a busy device."""
SLEWED = 500e-6
"""Fastest that NTP slews a clock instead of setting it (the kernel's limit, 500 ppm: adjtimex(2))."""


def clock_set(record: SessionRecord, fields: Sequence[FieldRecord]) -> ClockSet | None:
    """What became of the wall clock, held against the monotonic one, which nobody sets; None where both went alike.

    A clock that is set during a session was wrong before: a Pi begins with the time of its last shutdown until the
    network tells it better. So the start is reckoned back from the last field.
    """
    points = [(record.started_monotonic_s, record.started_utc)]
    points += [(field.monotonic_s, field.utc) for field in fields]
    steps = [step_s(one, other) for one, other in pairwise(points)]
    set_by = [step for step in steps if step]
    if not set_by:
        return None
    last_s, last_utc = points[-1]
    started = last_utc - timedelta(seconds=last_s - record.started_monotonic_s)
    return ClockSet(times=len(set_by), by_s=round(sum(set_by), 3), started_utc=started)


def step_s(one: tuple[float, datetime], other: tuple[float, datetime]) -> float:
    """By how many seconds the clock was set between two readings; 0 where it was not.

    Args:
        one: monotonic seconds, and the wall clock at that moment.
        other: the same of a later moment.
    """
    elapsed_s = other[0] - one[0]
    step = (other[1] - one[1]).total_seconds() - elapsed_s
    return step if abs(step) > TOLERANCE_S + SLEWED * abs(elapsed_s) else 0.0
