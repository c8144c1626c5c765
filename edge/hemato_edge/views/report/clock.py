"""Whether the device's clock was set while a session ran, and when the session then began."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from hemato_edge.views.report.model import ClockSet
from hemato_edge.wall_clock import step_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hemato_edge.store.records import FieldRecord, SessionRecord


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
