"""The memory of one process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemato_edge.device.machine import Machine


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """Resident memory now and at its peak, megabytes (10^6 bytes)."""

    resident_mb: float
    peak_mb: float


def read_process_memory(machine: Machine, pid: int) -> ProcessMemory | None:
    """From /proc/PID/status; None if the process is gone or the system does not tell."""
    lines = (machine.read(f"/proc/{pid}/status") or "").splitlines()
    kb = {line.partition(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS:", "VmHWM:"))}
    if len(kb) < 2:
        return None
    return ProcessMemory(kb["VmRSS"] * 1024 / 1e6, kb["VmHWM"] * 1024 / 1e6)
