"""The board: what it is, its supply, its heat, its memory, its clock."""

from __future__ import annotations

import ctypes
import time
from typing import TYPE_CHECKING

from hemato_edge.device.board import read_board
from hemato_edge.device.memory import read_memory
from hemato_edge.device.temperature import processor_temperature_c
from hemato_edge.device.throttling import JETSON_EVENTS, UNDER_VOLTAGE, read_throttling
from hemato_edge.doctor.findings import Finding, failed, passed, skipped, warned
from hemato_edge.doctor.python_probes import machine_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.doctor.subject import Subject

_MB = 1 << 20
_LEAST_MEMORY = 100 * _MB
_HOT_C = {"pi": (80.0, 85.0), "other": (90.0, 100.0)}
"""Where a board begins to slow down, and where it slows down much: a Pi at 80 and 85 °C (Raspberry Pi documentation,
"Frequency management and thermal control"), an Orin at 99 °C."""
_SUPPLY = (
    "Use the board's own power supply and a short, thick cable (Pi 4: 5.1 V, 3 A; Pi 5: 5.1 V, 5 A), and unplug what "
    "it feeds."
)
_COOL = "Give it a heat sink or a fan, and air; `vcgencmd measure_temp` (Pi) or `tegrastats` (Jetson) shows the effect."
_TIME_ERROR = 5
_ADJTIMEX_BYTES = 512
_LONG_AGO = 1_767_225_600
"""2026-01-01 UTC: older than this program."""


def board(subject: Subject) -> Iterator[Finding]:
    """What it is; for whoever reads the report."""
    found = read_board(subject.machine)
    words = [found.model, found.system, *([machine_words()] if subject.machine.live else [])]
    yield passed("board", "; ".join(word for word in words if word) or "not known")


def throttling(subject: Subject) -> Iterator[Finding]:
    """Whether supply or heat slow the board down."""
    found = read_throttling(subject.machine)
    if found is None:
        yield skipped("throttling", "this board does not tell")
        return
    bits = "" if found.bits is None else f" (0x{found.bits:x})"
    before = ", ".join(word for word in found.since_boot if word not in found.now)
    said = "; ".join(
        part
        for part in (
            f"now: {', '.join(found.now)}" if found.now else "",
            f"since boot: {before}" if before else "",
        )
        if part
    )
    electric = {UNDER_VOLTAGE, *JETSON_EVENTS.values()} & set(found.since_boot)
    hot = [word for word in found.since_boot if "heat" in word or "temperature" in word]
    fix = " ".join(([_SUPPLY] if electric else []) + ([_COOL] if hot or not electric else []))
    if UNDER_VOLTAGE in found.now:
        yield failed("throttling", f"{said}{bits}: pictures and SD card are at risk", fix)
    elif found.since_boot:
        yield warned("throttling", f"{said}{bits}", fix)
    else:
        yield passed("throttling", f"none since boot{bits}")


def temperature(subject: Subject) -> Iterator[Finding]:
    """How warm the processor is."""
    celsius = processor_temperature_c(subject.machine)
    if celsius is None:
        yield skipped("temperature", "no sensor can be read")
        return
    warm, hot = _HOT_C["pi" if read_board(subject.machine).is_raspberry_pi else "other"]
    said = f"{celsius:.1f} °C"
    if celsius >= hot:
        yield failed("temperature", f"{said}: it is slowed down much", _COOL)
    elif celsius >= warm:
        yield warned("temperature", f"{said}: it is slowed down", _COOL)
    else:
        yield passed("temperature", said)


def memory(subject: Subject) -> Iterator[Finding]:
    """Whether enough is free."""
    found = read_memory(subject.machine)
    if found.total is None or found.available is None:
        yield skipped("memory", "/proc/meminfo does not tell")
        return
    said = f"{found.available // _MB} of {found.total // _MB} MB available"
    if found.available < _LEAST_MEMORY:
        yield warned("memory", said, "See who takes it (`ps aux --sort=-rss | head`), or go without a desktop.")
    else:
        yield passed("memory", said)


def clock(subject: Subject) -> Iterator[Finding]:
    """Whether the time of day can be believed: a Pi has no clock of its own."""
    fix = "`sudo timedatectl set-ntp true`, and a network; or set it by hand: `sudo timedatectl set-time '…'`"
    if subject.machine.live and time.time() < _LONG_AGO:
        yield failed("clock", f"it says {time.strftime('%Y-%m-%d')}, which is before this program was written", fix)
        return
    synchronised = _kernel_says_synchronised() if subject.machine.live else None
    if synchronised is None:
        synchronised = subject.machine.exists("/run/systemd/timesync/synchronized")
    if synchronised:
        yield passed("clock", "synchronised")
    else:
        yield warned("clock", "not synchronised: times of records may be wrong, their order is not", fix)


def _kernel_says_synchronised() -> bool | None:
    """What `adjtimex` says, whoever keeps the time (timesyncd, chrony, ntpd); None where it cannot be asked."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        answer = libc.adjtimex(ctypes.create_string_buffer(_ADJTIMEX_BYTES))  # zeros: nothing is changed
    except (OSError, AttributeError):
        return None
    return None if answer < 0 else answer != _TIME_ERROR
