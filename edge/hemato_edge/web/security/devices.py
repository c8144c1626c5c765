"""The paired devices: a random token in each one's cookie, and its hash with name and role in a file of ours."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from hemato_edge.web.security.access import Role
from hemato_edge.web.security.private_file import changed_private, read_private

if TYPE_CHECKING:
    from pathlib import Path

IDLE = timedelta(days=30)
"""A device that has not been seen for so long has to be paired anew."""
SEEN_EVERY = timedelta(minutes=10)
"""How exactly it is known when a device was seen last: rare writes, for the SD card."""
MOST_DEVICES = 200


@dataclass(frozen=True, slots=True)
class Device:
    """One paired device.

    Attributes:
        id: first characters of its token's hash; names it in lists.
        name: what the person called it.
        person: who uses it, for the record of changes.
        role: what it may do.
        paired, seen: when, UTC.
        csrf: what its forms have to say, so that no other page can write them.
    """

    id: str
    name: str
    person: str
    role: Role
    paired: datetime
    seen: datetime
    csrf: str = ""

    @property
    def who(self) -> str:
        """The person, else the device, for the record."""
        return self.person or self.name


class Devices:
    """The list in `folder`/devices.json, shared with the command line. Safe in any thread.

    Raises:
        WebError: of every method: the file cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "devices.json"
        self._lock = threading.Lock()
        self._read_ns = -1
        self._known: dict[str, Any] = {}

    def add(self, name: str, person: str, role: Role) -> str:
        """Pair a device; its token, which is stored nowhere."""
        token, now = secrets.token_urlsafe(32), _now().isoformat(timespec="seconds")
        with self._lock, changed_private(self._path) as said:
            _drop_idle(said)
            while len(said) >= MOST_DEVICES:
                del said[min(said, key=lambda one: str(said[one]["seen"]))]
            said[_hash(token)] = {
                "name": name,
                "person": person,
                "role": role.word,
                "paired": now,
                "seen": now,
            }
        return token

    def find(self, token: str) -> Device | None:
        """The device with that token; None if it was never paired, was revoked, or was away too long."""
        digest = _hash(token)
        with self._lock:
            found = self._now_known().get(digest)
        if found is None:
            return None
        device = _device(digest, found, hmac.new(token.encode(), b"forms", "sha256").hexdigest())
        if _now() - device.seen > IDLE:
            return None
        if _now() - device.seen > SEEN_EVERY:
            with self._lock, changed_private(self._path) as said:
                if digest in said:
                    said[digest]["seen"] = _now().isoformat(timespec="seconds")
        return device

    def all(self) -> list[Device]:
        """All of them, the last seen first."""
        with self._lock:
            devices = [_device(digest, found) for digest, found in self._now_known().items()]
        return sorted(devices, key=lambda one: one.seen, reverse=True)

    def revoke(self, device: str) -> bool:
        """Take a device's pairing back, by its `id`; False if there is none. It is out at its next request."""
        with self._lock, changed_private(self._path) as said:
            gone = [digest for digest in said if digest.startswith(device) and len(device) >= 8]
            for digest in gone:
                del said[digest]
        return bool(gone)

    def _now_known(self) -> dict[str, Any]:
        """The file's content, read again whenever it has changed."""
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            stamp = 0
        if stamp != self._read_ns:
            self._known, self._read_ns = read_private(self._path), stamp
        return self._known


def _device(digest: str, found: dict[str, Any], csrf: str = "") -> Device:
    return Device(
        id=digest[:12],
        name=str(found["name"]),
        person=str(found["person"]),
        role=Role.of(str(found["role"])),
        paired=datetime.fromisoformat(found["paired"]),
        seen=datetime.fromisoformat(found["seen"]),
        csrf=csrf,
    )


def _drop_idle(said: dict[str, Any]) -> None:
    for digest in [one for one, found in said.items() if _now() - datetime.fromisoformat(found["seen"]) > IDLE]:
        del said[digest]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _now() -> datetime:
    return datetime.now(timezone.utc)
