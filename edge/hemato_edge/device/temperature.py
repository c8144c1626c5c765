"""Temperature of the board."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemato_edge.device.machine import Machine

_POSSIBLE_C = (-40.0, 150.0)
"""A powered-off sensor reports −256 °C (Jetson) or 0 K."""
_PROCESSOR = ("cpu", "pkg", "soc", "tj")
"""Names of processor zones: cpu-thermal (Pi, Orin), CPU-therm (older Jetsons), x86_pkg_temp; most specific first."""


def read_temperatures(machine: Machine) -> dict[str, float]:
    """Name of each readable thermal zone → degrees Celsius; empty if there is none."""
    found: dict[str, float] = {}
    for path in machine.glob("/sys/class/thermal/thermal_zone*"):
        millidegrees = machine.number(f"{path}/temp")
        if millidegrees is None or not _POSSIBLE_C[0] <= millidegrees / 1000 <= _POSSIBLE_C[1]:
            continue
        name = machine.read(f"{path}/type") or path.rsplit("/", 1)[1]
        found[name] = max(millidegrees / 1000, found.get(name, _POSSIBLE_C[0]))
    return found


def processor_temperature_c(machine: Machine) -> float | None:
    """The processor's temperature, degrees Celsius; the hottest of several zones; None if none can be read."""
    zones = read_temperatures(machine)
    for word in _PROCESSOR:
        named = [celsius for name, celsius in zones.items() if word in name.lower()]
        if named:
            return max(named)
    return max(zones.values(), default=None)
