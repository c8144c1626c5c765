"""The board's memory, and the part of it that cameras need in one piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemato_edge.device.machine import Machine


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes; None where the kernel does not say.

    Attributes:
        total, available: of the board; available is what programs can still get without swapping.
        cma_total, cma_free: of the contiguous memory allocator, from which camera buffers come.
    """

    total: int | None
    available: int | None
    cma_total: int | None
    cma_free: int | None


def read_memory(machine: Machine) -> Memory:
    """From /proc/meminfo."""
    found: dict[str, int] = {}
    for line in (machine.read("/proc/meminfo") or "").splitlines():
        name, _, rest = line.partition(":")
        amount = rest.split()
        if amount and amount[0].isdigit():
            found[name] = int(amount[0]) * 1024
    return Memory(*(found.get(name) for name in ("MemTotal", "MemAvailable", "CmaTotal", "CmaFree")))
