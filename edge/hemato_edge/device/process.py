"""Memory of one process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemato_edge.device.machine import Machine

_M_ARENA_MAX = -8
"""glibc's number of this option, see mallopt(3)."""
_WANTED = ("VmRSS:", "VmHWM:", "RssFile:")


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """Resident memory now and at its peak, megabytes (10^6 bytes).

    `file_mb` is the current part that consists of file pages (libraries, models): the kernel can drop them, and they
    are shared with other processes.
    """

    resident_mb: float
    peak_mb: float
    file_mb: float


def read_process_memory(machine: Machine, pid: int) -> ProcessMemory | None:
    """Read from /proc/PID/status; None if the process has ended or the system does not report it."""
    lines = (machine.read(f"/proc/{pid}/status") or "").splitlines()
    kb = {line.partition(":")[0]: int(line.split()[1]) for line in lines if line.startswith(_WANTED)}
    if len(kb) < len(_WANTED):
        return None
    return ProcessMemory(*(kb[name.rstrip(":")] * 1024 / 1e6 for name in _WANTED))


def keep_one_arena() -> bool:
    """Let all threads of this process share one malloc arena, before they start; returns whether that succeeded.

    By default glibc gives each thread its own, and memory freed in one is not available to another: 6 MB of `run`
    (`benchmarks/memory.py`). The threads seldom allocate at the same time, so contention is negligible.
    """
    import ctypes

    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1))
    except (AttributeError, OSError):  # another C library, such as musl
        return False
