"""Whether the board throttles itself, and why: a weak supply, heat."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemato_edge.device.machine import Machine

UNDER_VOLTAGE = "under-voltage"
FLAGS = {
    0: UNDER_VOLTAGE,
    1: "processor frequency capped",
    2: "throttled",
    3: "soft temperature limit",
}
"""Bit → meaning of the Raspberry Pi's `get_throttled`: these are active now, those 16 bits higher occurred since boot
(https://www.raspberrypi.com/documentation/computers/os.html#get_throttled)."""
_SINCE_BOOT = 16
_WORD = re.compile(r"(?:throttled=)?(?:0x)?([0-9a-f]{1,8})", re.IGNORECASE)

JETSON_EVENTS = {1: UNDER_VOLTAGE, 2: "average over-current", 3: "instantaneous over-current"}
"""Number → meaning of the Orin's over-current events (NVIDIA, Jetson Linux Developer Guide, Platform Power and
Performance, "Over-current Event")."""


@dataclass(frozen=True, slots=True)
class Throttling:
    """Active conditions, and those that occurred since boot, in words.

    Attributes:
        source: the command or file that reported it.
        bits: the Raspberry Pi's bit mask; None where the board has none.
        now: active at this moment.
        since_boot: occurred since boot, including active ones.
    """

    source: str
    bits: int | None
    now: tuple[str, ...]
    since_boot: tuple[str, ...]


def decode_throttled(bits: int, source: str = "get_throttled") -> Throttling:
    """The Raspberry Pi's bit mask, decoded."""
    now = tuple(word for bit, word in FLAGS.items() if bits >> bit & 1)
    before = tuple(word for bit, word in FLAGS.items() if bits >> bit + _SINCE_BOOT & 1 or bits >> bit & 1)
    return Throttling(source, bits, now, before)


def read_throttling(machine: Machine) -> Throttling | None:
    """The board's state; None where it cannot be read (neither a Raspberry Pi nor an Orin)."""
    return _from_firmware(machine) or _from_hwmon(machine) or _from_jetson(machine)


def _from_firmware(machine: Machine) -> Throttling | None:
    # The command first: reading the file leaves a warning with a stack trace in the kernel's log, once per boot.
    commands = [("vcgencmd get_throttled", machine.run("vcgencmd", "get_throttled"))]
    files = ("/sys/devices/platform/soc*/*firmware*/get_throttled", "/sys/devices/platform/*firmware*/get_throttled")
    for source, text in commands:
        if (bits := _parsed(text)) is not None:
            return decode_throttled(bits, source)
    for path in (path for pattern in files for path in machine.glob(pattern)):
        if (bits := _parsed(machine.read(path))) is not None:
            return decode_throttled(bits, path)
    return None


def _parsed(text: str | None) -> int | None:
    """The bit mask in "throttled=0x50005" of the command or "50005" of the file."""
    match = _WORD.fullmatch(text or "")
    return None if match is None else int(match[1], 16)


def _from_hwmon(machine: Machine) -> Throttling | None:
    """A Pi kernel without the firmware's bit mask still has this alarm, active while the voltage is low."""
    for path in _hwmon(machine, "rpi_volt"):
        alarm = machine.number(f"{path}/in0_lcrit_alarm")
        if alarm is not None:
            words = (UNDER_VOLTAGE,) if alarm else ()
            return Throttling(f"{path}/in0_lcrit_alarm", None, words, words)
    return None


def _from_jetson(machine: Machine) -> Throttling | None:
    source, now, happened = "", [], []
    for path in machine.glob("/sys/class/thermal/cooling_device*"):
        kind = machine.read(f"{path}/type") or ""
        if kind.endswith("-throttle-alert"):
            source = source or "/sys/class/thermal/cooling_device*"
            if (machine.number(f"{path}/cur_state") or 0) > 0:
                now.append(f"{kind.removesuffix('-throttle-alert')} throttled by heat")
    for path in _hwmon(machine, "soctherm_oc"):
        source = f"{path}/oc*_event_cnt"
        for number, word in JETSON_EVENTS.items():
            if (machine.number(f"{path}/oc{number}_event_cnt") or 0) > 0:
                happened.append(word)
    return Throttling(source, None, tuple(now), (*happened, *now)) if source else None


def _hwmon(machine: Machine, name: str) -> list[str]:
    return [path for path in machine.glob("/sys/class/hwmon/hwmon*") if machine.read(f"{path}/name") == name]
