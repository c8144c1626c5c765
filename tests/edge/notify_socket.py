"""A service manager's end of the notify protocol: a real datagram socket."""

from __future__ import annotations

import socket
from pathlib import Path

from waiting import DEADLINE_S


class NotifySocket:
    """Receives what a program tells; a context manager.

    Args:
        path: of the socket.
    """

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)

    def __enter__(self) -> NotifySocket:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def next(self, timeout_s: float = DEADLINE_S) -> dict[str, str]:
        """The next message."""
        self._socket.settimeout(timeout_s)
        return dict(line.split("=", 1) for line in self._socket.recv(65536).decode().split("\n"))

    def until(self, name: str, timeout_s: float = DEADLINE_S) -> dict[str, str]:
        """The next message that says `name`."""
        while True:
            message = self.next(timeout_s)
            if name in message:
                return message

    def waiting(self) -> list[dict[str, str]]:
        """All messages that are there already."""
        found = []
        while True:
            try:
                found.append(self.next(0.001))
            except TimeoutError:
                return found
