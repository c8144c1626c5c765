"""What the board says of itself, for the count screen's messages: room on the disk, heat, a weak supply."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from hemato_edge.device.machine import Machine
from hemato_edge.device.throttling import read_throttling

if TYPE_CHECKING:
    from pathlib import Path

LOW_MB = 500
"""With less free, the person is told: from 200 on, no more pictures are kept, and later counting stops."""
ASK_EVERY_S = 10.0


class DeviceStatus:
    """Asks the board now and then. Used from one thread at a time.

    Args:
        database: on the disk whose room matters.
        machine: where to look; None for this one.
    """

    def __init__(self, database: Path, machine: Machine | None = None) -> None:
        self._folder = database.parent
        self._machine = machine or Machine()
        self._asked_s = float("-inf")
        self._told: dict[str, object] = {}

    def told(self) -> dict[str, object]:
        """`disk_low` and `board_doubt`: whether there is little room, and why the board slows itself down, in words."""
        now = time.monotonic()
        if now - self._asked_s >= ASK_EVERY_S:
            self._asked_s = now
            throttling = read_throttling(self._machine)
            doubt = "" if throttling is None else ", ".join(throttling.now)
            self._told = {"disk_low": self._disk_low(), "board_doubt": doubt}
        return self._told

    def _disk_low(self) -> bool:
        try:
            return shutil.disk_usage(self._folder).free < LOW_MB * 10**6
        except OSError:
            return False  # there is no folder yet
