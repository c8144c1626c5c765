"""Restart back-off: each failed start waits longer than the one before.

systemd's own back-off, `RestartSteps=` and `RestartMaxDelaySec=`, came with version 254; Debian 12 (Raspberry Pi OS
Bookworm) has 252 and JetPack 6 has 249, which ignore them with a warning. So systemd restarts after a short fixed time,
and the program itself waits. The starts are stored in the service's runtime folder, which is in memory: nothing is
written to the SD card, and a reboot resets them.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIRST_DELAY_S = 5.0
LONGEST_DELAY_S = 300.0
GOOD_RUN_S = 600.0
"""After a run of this length the service has recovered: the next start counts as the first."""
FILE = "starts.json"


class StartSpacing:
    """Stores starts that were not followed by a clean exit.

    Args:
        folder: must survive a restart but not a reboot. None: not a service, nothing is stored.
        now: seconds since boot, sleep included.
    """

    def __init__(
        self, folder: Path | None, now: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)
    ) -> None:
        self._path = None if folder is None else folder / FILE
        self._now = now

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> StartSpacing:
        """For this process: systemd sets `RUNTIME_DIRECTORY` for a service that has one."""
        folder = environment.get("RUNTIME_DIRECTORY", "").split(":")[0]
        return cls(Path(folder) if folder else None)

    def begin(self) -> tuple[int, float]:
        """Record a start; returns how many failed in a row before it, and the seconds to wait."""
        if self._path is None:
            return 0, 0.0
        failed, began = self._remembered()
        if failed and self._now() - began > GOOD_RUN_S:
            failed = 0
        delay_s = 0.0 if failed == 0 else min(FIRST_DELAY_S * 2.0 ** min(failed - 1, 16), LONGEST_DELAY_S)
        self._remember(failed + 1, self._now() + delay_s)
        return failed, delay_s

    def end(self) -> None:
        """Record a clean exit."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _remembered(self) -> tuple[int, float]:
        """Starts so far and when the last one began; a missing or damaged file counts as none."""
        if self._path is None:
            return 0, 0.0
        try:
            note = json.loads(self._path.read_text(encoding="utf-8"))
            return max(0, int(note["starts"])), float(note["began_s"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, 0.0

    def _remember(self, starts: int, began_s: float) -> None:
        if self._path is not None:
            self._path.write_text(json.dumps({"starts": starts, "began_s": began_s}), encoding="utf-8")
