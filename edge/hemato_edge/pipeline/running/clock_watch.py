"""Watches the wall clock of a running session: it is set by a person or the network, the monotonic one by nobody."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hemato_edge.views.report.figures import duration
from hemato_edge.wall_clock import CLOCK_SET, step_s

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)
WARNING = f"warning:{CLOCK_SET}"
"""The tally of a session whose clock was set while it ran: the number of frames read by then."""


class ClockWatch:
    """Holds the wall clock against the monotonic one. Used from one thread.

    Args:
        note: called once, with `WARNING`, when the clock is first found to have been set.
        wall, monotonic: the two clocks, seconds.
    """

    def __init__(
        self,
        note: Callable[[str], None],
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._note, self._wall, self._monotonic = note, wall, monotonic
        self._last = self._read()
        self._noted = False

    def look(self) -> float:
        """By how many seconds the clock was set since the last look, forward positive; 0 where it was not."""
        before, self._last = self._last, self._read()
        step = step_s(before, self._last)
        if step:
            way = "forward" if step > 0 else "back"
            _log.warning(
                "the clock was set %s by %s while a session runs: its times before are of the clock as it was",
                way,
                duration(abs(step)),
            )
            if not self._noted:
                self._noted = True
                self._note(WARNING)
        return step

    def _read(self) -> tuple[float, datetime]:
        return self._monotonic(), datetime.fromtimestamp(self._wall(), timezone.utc)
