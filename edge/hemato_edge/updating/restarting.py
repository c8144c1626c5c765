"""The service, started anew with another version of the program."""

from __future__ import annotations

import subprocess

from hemato_edge.errors import ServiceError
from hemato_edge.service.status import ask_systemd
from hemato_edge.service.unit import NAME, WEB_NAME

_TIMEOUT_S = 150.0
"""More than the unit's TimeoutStartSec and TimeoutStopSec."""


def service_runs() -> bool:
    """Whether systemd runs the service here."""
    try:
        return ask_systemd().get("ActiveState") in ("active", "reloading", "activating")
    except ServiceError:
        return False


def restart_service() -> str | None:
    """Start the service anew, and the page where it runs; why that failed, or None.

    systemd's command ends when the program has said that camera, models and database are open, or has failed. A unit
    that is not installed cannot be restarted, not even by try-restart: so the page is asked for first.
    """
    failed = _systemctl("restart", NAME)
    if failed is None and _systemctl("is-active", "--quiet", WEB_NAME) is None:
        failed = _systemctl("restart", WEB_NAME)
    return failed


def _systemctl(*words: str) -> str | None:
    """Why a command of systemd's failed, or None."""
    command = ["systemctl", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)  # noqa: S603
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return " ".join(done.stderr.split()) or f"{' '.join(command)} ended with {done.returncode}"
