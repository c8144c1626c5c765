"""Runs all probes at once, each on its own: one that crashes or hangs is a finding and costs the others nothing."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from hemato_edge.doctor.findings import Finding, Status, failed, warned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hemato_edge.doctor.subject import Subject

    Probe = Callable[[Subject], Iterable[Finding]]

LIMIT_S = 4.3
"""For all probes together, so that the whole command stays under five seconds."""


def examine(subject: Subject, probes: Mapping[str, Probe], limit_s: float = LIMIT_S) -> list[Finding]:
    """What all probes found, in their order.

    A probe that raises is a FAIL of its own; one that gives no answer in time is a WARN: its thread is left behind and
    ends with the program.
    """
    answers: dict[str, list[Finding]] = {}

    def ask(name: str, probe: Probe) -> None:
        try:
            answers[name] = list(probe(subject))
        except Exception as error:  # noqa: BLE001 -- whatever a probe trips over must not hide what the others found
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            answers[name] = [failed(name, f"the probe itself broke: {reason}", "Report it, with this line.")]

    until = time.monotonic() + limit_s
    threads = {name: threading.Thread(target=ask, args=(name, probe), daemon=True) for name, probe in probes.items()}
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        thread.join(max(0.0, until - time.monotonic()))
    return [finding for name in probes for finding in answers.get(name) or [_late(name, limit_s)]]


def _late(name: str, limit_s: float) -> Finding:
    return warned(
        name,
        f"no answer within {limit_s:g} s: a disk, a driver or a command hangs, or the board is very busy",
        "Ask again when nothing else runs; `dmesg | tail` shows what hangs.",
    )


def is_good(findings: Iterable[Finding]) -> bool:
    """Whether nothing fails."""
    return all(finding.status is not Status.FAIL for finding in findings)
