"""How warm the board is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemato_edge.device.machine import Machine

_POSSIBLE_C = (-40.0, 150.0)
"""A powered-off sensor says −256 °C (Jetson) or 0 K."""
_PROCESSOR = ("cpu", "pkg", "soc", "tj")
"""How zones of the processor are called: cpu-thermal (Pi, Orin), CPU-therm (older Jetsons), x86_pkg_temp; the most
particular first."""


def read_temperatures(machine: Machine) -> dict[str, float]:
    """Name of each thermal zone that can be read → degrees Celsius. Empty where there is none."""
    found: dict[str, float] = {}
    for path in machine.glob("/sys/class/thermal/thermal_zone*"):
        millidegrees = machine.number(f"{path}/temp")
        if millidegrees is None or not _POSSIBLE_C[0] <= millidegrees / 1000 <= _POSSIBLE_C[1]:
            continue
        name = machine.read(f"{path}/type") or path.rsplit("/", 1)[1]
        found[name] = max(millidegrees / 1000, found.get(name, _POSSIBLE_C[0]))
    return found


def processor_temperature_c(machine: Machine) -> float | None:
    """The processor's temperature, degrees Celsius; of several zones the hottest; None where none can be read."""
    zones = read_temperatures(machine)
    for word in _PROCESSOR:
        named = [celsius for name, celsius in zones.items() if word in name.lower()]
        if named:
            return max(named)
    return max(zones.values(), default=None)
