"""The service and the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.doctor.findings import Finding, failed, passed, skipped, warned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.doctor.subject import Subject

_UNIT = "hemato-edge.service"
_ASKED = ("LoadState", "ActiveState", "SubState", "Result", "NRestarts")
_JOURNAL = f"`journalctl -u {_UNIT} -n 50` says why."


def service(subject: Subject) -> Iterator[Finding]:
    """Whether the service runs, and whether it had to be restarted."""
    answer = subject.machine.run("systemctl", "show", _UNIT, f"--property={','.join(_ASKED)}")
    state = dict(line.split("=", 1) for line in (answer or "").splitlines() if "=" in line)
    if not state.get("LoadState"):
        yield skipped("service", "systemd cannot be asked here")
        return
    if state["LoadState"] == "not-found":
        yield passed("service", "not installed; `hemato-edge service install` would")
        return
    active = f"{state.get('ActiveState', '?')} ({state.get('SubState', '?')})"
    restarts = state.get("NRestarts", "0")
    if state["LoadState"] != "loaded":
        yield failed("service", f"the unit cannot be loaded: {state['LoadState']}", f"`systemctl status {_UNIT}`")
    elif state.get("ActiveState") == "failed":
        yield failed("service", f"{active}: {state.get('Result', '?')}", f"{_JOURNAL} `sudo systemctl restart {_UNIT}`")
    elif restarts not in ("", "0"):
        yield warned("service", f"{active}, restarted {restarts} times", _JOURNAL)
    elif state.get("ActiveState") == "inactive":
        yield warned("service", f"installed, but {active}", f"`sudo systemctl enable --now {_UNIT}`")
    else:
        yield passed("service", active)
