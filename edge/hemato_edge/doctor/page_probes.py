"""The page: whether the door answers, until when its certificate is good, and who may reach its port."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from hemato_edge.doctor.findings import Finding, failed, passed, skipped, warned
from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import State
from hemato_edge.door.location import default_door
from hemato_edge.door.messages import DoorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hemato_edge.doctor.subject import Subject

SOON = timedelta(days=14)
_PATIENCE_S = 2.0


def door(subject: Subject) -> Iterator[Finding]:
    """Whether a run answers at the door."""
    path = subject.settings.door.path or default_door()
    if subject.user is None or not path.exists():
        yield skipped("door", f"no run has opened {path}")
        return
    try:
        with DoorClient(path, "doctor", _PATIENCE_S) as client:
            told = client.ask(State()).told
    except DoorError as error:
        yield failed("door", error.message, error.fix)
        return
    yield passed("door", f"{path} answers: {told['phase']}")


def page(subject: Subject, now: datetime | None = None) -> Iterator[Finding]:
    """Who may reach the page, and its certificate."""
    web = subject.settings.web
    if _is_loopback(web.host):
        yield passed("page", f"only this machine may reach it, at port {web.port}")
        return
    if web.security == "none":
        yield warned(
            "page",
            f"{web.host} port {web.port} without encryption: others on the network can read along",
            'Set web.security = "auto".',
        )
        return
    file = web.certificate_file or web.folder / "certificate.pem"
    if not file.exists():
        yield passed("page", f"the network may reach {web.host} port {web.port}, over TLS, when it is started")
        return
    yield _certificate(file, now or datetime.now(timezone.utc))


def _certificate(file: Path, now: datetime) -> Finding:
    try:
        from cryptography.x509 import load_pem_x509_certificate
    except ImportError:
        return skipped("page", "the extra `web` is not installed, so its certificate cannot be read")
    try:
        ends = load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        return failed("page", f"its certificate {file} cannot be read: {error}", "Move it aside; a new one is made.")
    said = f"its certificate is good until {ends:%Y-%m-%d}"
    if ends <= now:
        return failed("page", f"its certificate ended on {ends:%Y-%m-%d}", "Restart the page: it makes a new one.")
    if ends - now < SOON:
        return warned("page", said, "Restart the page: it makes a new one in the last month.")
    return passed("page", said)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
