"""Model and operating system of the board."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemato_edge.device.machine import Machine


@dataclass(frozen=True, slots=True)
class Board:
    """Model ("Raspberry Pi 5 Model B Rev 1.0"; "" if it has no name), system ("Debian GNU/Linux 12 (bookworm)")."""

    model: str
    system: str

    @property
    def is_raspberry_pi(self) -> bool:
        """Whether it is a Raspberry Pi."""
        return self.model.startswith("Raspberry Pi")


def read_board(machine: Machine) -> Board:
    """Read from the device tree, or the firmware's tables on a PC, and /etc/os-release."""
    model = machine.read("/proc/device-tree/model") or machine.read("/sys/class/dmi/id/product_name") or ""
    system = ""
    for line in (machine.read("/etc/os-release") or "").splitlines():
        if line.startswith("PRETTY_NAME="):
            system = line.partition("=")[2].strip("\"'")
    return Board(model, system or (platform.system() if machine.live else ""))
