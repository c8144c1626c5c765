"""Where the figures were measured, and the device's temperature, throttling and load meanwhile."""

from __future__ import annotations

import os
import platform
import resource
import time
from typing import TYPE_CHECKING

from hemato_edge.bench.figures import Climate, Device
from hemato_edge.device.board import read_board
from hemato_edge.device.memory import read_memory
from hemato_edge.device.processor import frequency_mhz, read_processor, read_ticks
from hemato_edge.device.temperature import processor_temperature_c
from hemato_edge.device.throttling import read_throttling

if TYPE_CHECKING:
    from hemato_edge.bench.figures import ModelFacts, Moment
    from hemato_edge.device.machine import Machine
    from hemato_edge.models.engines.engine import Runtime

HOT_C = 80.0
"""A Raspberry Pi throttles at 80 °C, a Jetson Orin at 99 °C."""
_BUSY = 0.15
"""Share of one processor used by other programs that spoils a figure."""


def describe(machine: Machine, runtime: Runtime, threads: int, models: tuple[ModelFacts, ...]) -> Device:
    """The device and its software."""
    import cv2
    import numpy as np

    from hemato_edge.about import __version__

    board, processor = read_board(machine), read_processor(machine)
    memory = read_memory(machine).total
    return Device(
        board=board.model,
        system=board.system,
        machine=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=processor.name,
        features=processor.features,
        processors=processor.usable,
        governors=processor.governors,
        highest_mhz=processor.highest_mhz,
        memory_mb=None if memory is None else round(memory / 1e6),
        versions={
            "hemato-edge": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "opencv": cv2.__version__,
            runtime.name: runtime.version,
        },
        runtime=f"{runtime.name} {runtime.version}",
        threads=threads,
        models=models,
    )


def climate(machine: Machine, moment: Moment) -> Climate:
    """The state of the board now."""
    throttling = read_throttling(machine)
    return Climate(
        moment=moment,
        temperature_c=processor_temperature_c(machine),
        frequency_mhz=frequency_mhz(machine),
        throttled_now=None if throttling is None else throttling.now,
        throttled_since_boot=None if throttling is None else throttling.since_boot,
        load=round(os.getloadavg()[0], 2),
    )


class OtherLoad:
    """Processor time used by others since construction.

    Args:
        machine: this one.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._began = time.monotonic()
        self._ticks = read_ticks(machine)
        self._own = _own_s()

    def shares(self) -> tuple[float, float] | None:
        """Mean number of processors used by other programs, and of those taken by the host of a virtual machine."""
        ticks, seconds = read_ticks(self._machine), time.monotonic() - self._began
        if ticks is None or self._ticks is None or seconds <= 0:
            return None
        others = ticks.busy_s - self._ticks.busy_s - (_own_s() - self._own)
        return max(0.0, others / seconds), max(0.0, (ticks.stolen_s - self._ticks.stolen_s) / seconds)


def doubts(
    before: Climate, climates: tuple[Climate, ...], device: Device, shares: tuple[float, float] | None
) -> list[str]:
    """Why figures measured in such conditions are unreliable."""
    said: list[str] = []
    now = sorted({word for one in climates for word in one.throttled_now or ()})
    if now:
        said.append(f"The board slowed itself down while it was measured: {', '.join(now)}.")
    fresh = {word for one in climates for word in one.throttled_since_boot or ()}
    fresh -= {*(before.throttled_since_boot or ()), *now}
    if fresh:
        said.append(f"Between two readings the board reported: {', '.join(sorted(fresh))}.")
    hottest = max((one.temperature_c for one in climates if one.temperature_c is not None), default=None)
    if hottest is not None and hottest >= HOT_C:
        said.append(f"The processor reached {hottest:.0f} °C; from {HOT_C:.0f} °C on boards slow down.")
    if "powersave" in device.governors:
        said.append("The frequency governor is `powersave`.")
    if shares is not None and shares[0] > _BUSY:
        said.append(f"Other programs kept {shares[0]:.1f} of {device.processors} processors busy.")
    if shares is not None and shares[1] > _BUSY / 3:
        said.append(f"The host of this virtual machine took away {shares[1]:.1f} processors.")
    if shares is None and before.load > 0.5 * device.processors:
        said.append(f"Before the start, {before.load:.1f} processes were competing for {device.processors} processors.")
    return said


def _own_s() -> float:
    """Processor seconds of this process and of its finished children."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, kinds))


def own_peak_mb() -> float:
    """Largest resident memory of this process so far, 10^6 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
