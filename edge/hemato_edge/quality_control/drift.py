"""Drift of lamp, stain and focus over the ordinary sessions, told before frames are refused for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.quality_control.observed import FOCUS, LAMP, STAIN, Measure, observed
from hemato_edge.quality_control.trend import Trend, sessions_until, trend
from hemato_edge.store.records import RUNNING

if TYPE_CHECKING:
    from hemato_edge.quality_control.observed import Observed
    from hemato_edge.store.reader import Reader

MOST_SESSIONS = 50
"""The newest ones: what was a year ago is no drift."""
_CLIPPED = 254.0
"""A green from here on is saturated, and pale cytoplasm is lost."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One measure over the newest sessions.

    Attributes:
        measure: which.
        sessions: the first and the last one.
        trend: see there.
        limit: where the quality gate refuses frames, in the direction of the drift; None where it has none.
        reached_in: sessions until then, if it goes on so; None where it does not get there.
    """

    measure: Measure
    sessions: tuple[int, int]
    trend: Trend
    limit: float | None
    reached_in: float | None


def drifts(reader: Reader) -> list[Drift]:
    """The trend of each measure over the newest sessions with the microscope of the newest one; none for too few.

    A microscope is a calibration profile; where there is none, a camera.
    """
    controls = reader.control_lots()
    records = [one for one in reader.sessions() if one.id not in controls and one.state != RUNNING]
    if not records:
        return []
    newest = observed(reader, records[-1])
    seen = []
    for record in reversed(records):
        one = observed(reader, record)
        if _microscope(one) == _microscope(newest):
            seen.append(one)
        if len(seen) == MOST_SESSIONS:
            break
    seen.reverse()
    least_light, least_focus = newest.limits
    dark = None if least_light is None else 255 * least_light
    focus = {one.session: reader.median_focus(one.session) for one in seen}
    found = [
        _drift(LAMP, [(one.session, one.lamp) for one in seen], dark, _CLIPPED),
        _drift(STAIN, [(one.session, one.stain) for one in seen], None, None),
        _drift(FOCUS, list(focus.items()), least_focus, None),
    ]
    return [one for one in found if one is not None]


def _drift(
    measure: Measure, values: list[tuple[int, float | None]], lowest: float | None, highest: float | None
) -> Drift | None:
    known = [(session, value) for session, value in values if value is not None]
    found = trend([value for _, value in known])
    if found is None:
        return None
    limit = highest if found.slope > 0 else lowest
    reached = None if limit is None or not found.drifts else sessions_until(found, limit)
    return Drift(measure, (known[0][0], known[-1][0]), found, limit, reached)


def _microscope(one: Observed) -> tuple[str, str]:
    return ("profile", one.profile) if one.profile is not None else ("camera", one.camera)
