"""The processor: features, frequency governors, load."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemato_edge.device.machine import Machine

_TELLING = (
    "neon",
    "asimd",
    "asimddp",
    "i8mm",
    "sve",
    "sve2",
    "sse4_1",
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512vl",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_int8",
)
"""Features used by int8 kernels (XNNPACK, `src/configs`); asimddp is Arm's dot product, which a Pi 5 has."""


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor as reported by its system.

    Attributes:
        name: "" if not reported.
        features: those relevant to inference.
        usable: number of processors available to this process.
        governors: frequency governors; empty where the system sets none (virtual machines).
        highest_mhz: maximum frequency of the governor; None if not reported.
    """

    name: str
    features: tuple[str, ...]
    usable: int
    governors: tuple[str, ...]
    highest_mhz: float | None


@dataclass(frozen=True, slots=True)
class Ticks:
    """Seconds since boot, summed over all processors: busy, and stolen by the host of a virtual machine."""

    busy_s: float
    stolen_s: float


def read_processor(machine: Machine) -> Processor:
    """Read from /proc/cpuinfo and /sys/devices/system/cpu."""
    described: dict[str, str] = {}
    for line in (machine.read("/proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        described.setdefault(key.strip().lower(), value.strip())
    known = set((described.get("features") or described.get("flags") or "").split())
    paths = machine.glob("/sys/devices/system/cpu/cpu[0-9]*/cpufreq")
    highest = [khz for path in paths if (khz := machine.number(f"{path}/scaling_max_freq")) is not None]
    return Processor(
        name=described.get("model name") or described.get("hardware") or "",
        features=tuple(name for name in _TELLING if name in known),
        usable=usable_processors(),
        governors=tuple(sorted({g for path in paths if (g := machine.read(f"{path}/scaling_governor"))})),
        highest_mhz=max(highest) / 1000 if highest else None,
    )


def usable_processors() -> int:
    """Number of processors available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def frequency_mhz(machine: Machine) -> float | None:
    """The fastest processor's current frequency; None if not reported."""
    paths = machine.glob("/sys/devices/system/cpu/cpu[0-9]*/cpufreq")
    now = [khz for path in paths if (khz := machine.number(f"{path}/scaling_cur_freq")) is not None]
    return max(now) / 1000 if now else None


def read_ticks(machine: Machine) -> Ticks | None:
    """Read from /proc/stat (proc(5): user nice system idle iowait irq softirq steal); None if unreadable."""
    first = (machine.read("/proc/stat") or "").partition("\n")[0].split()
    if len(first) < 9 or first[0] != "cpu":
        return None
    user, nice, system, _, _, irq, softirq, stolen = (int(value) for value in first[1:9])
    a_second = os.sysconf("SC_CLK_TCK")
    return Ticks((user + nice + system + irq + softirq) / a_second, stolen / a_second)
