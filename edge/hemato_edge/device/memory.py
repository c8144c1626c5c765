"""The board's memory, and its contiguous part for camera buffers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemato_edge.device.machine import Machine


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes; None where not reported.

    Attributes:
        total, available: of the board; available is what programs can still get without swapping.
        cma_total, cma_free: of the contiguous memory allocator, which provides camera buffers.
    """

    total: int | None
    available: int | None
    cma_total: int | None
    cma_free: int | None


def read_memory(machine: Machine) -> Memory:
    """Read from /proc/meminfo."""
    found: dict[str, int] = {}
    for line in (machine.read("/proc/meminfo") or "").splitlines():
        name, _, rest = line.partition(":")
        amount = rest.split()
        if amount and amount[0].isdigit():
            found[name] = int(amount[0]) * 1024
    return Memory(*(found.get(name) for name in ("MemTotal", "MemAvailable", "CmaTotal", "CmaFree")))
