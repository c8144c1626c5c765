"""The memory of one process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemato_edge.device.machine import Machine

_WANTED = ("VmRSS:", "VmHWM:", "RssFile:")


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """Resident memory now and at its peak, megabytes (10^6 bytes).

    `file_mb` is the part of it now that are pages of files (libraries, models): the kernel can drop them, and they are
    shared with other processes.
    """

    resident_mb: float
    peak_mb: float
    file_mb: float


def read_process_memory(machine: Machine, pid: int) -> ProcessMemory | None:
    """From /proc/PID/status; None if the process is gone or the system does not tell."""
    lines = (machine.read(f"/proc/{pid}/status") or "").splitlines()
    kb = {line.partition(":")[0]: int(line.split()[1]) for line in lines if line.startswith(_WANTED)}
    if len(kb) < len(_WANTED):
        return None
    return ProcessMemory(*(kb[name.rstrip(":")] * 1024 / 1e6 for name in _WANTED))
