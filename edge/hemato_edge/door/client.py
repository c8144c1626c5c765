"""Asks at the door: for the command line and for the page."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from typing import TYPE_CHECKING

from hemato_edge.door.messages import MAX_ANSWER_BYTES, Answer, DoorError, Request, parse_answer

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from hemato_edge.door.commands import Command

LONGEST_PICTURE = 1 << 23
"""Bytes of a picture that are taken from the door."""
PATIENCE_S = 10.0
"""How long an answer may take; the end of a session has to be committed first."""


class DoorClient:
    """One connection to the door, opened when it is first needed and anew after it broke. Safe in any thread.

    Commands wait for each other; use one client for commands and one for pictures, which are waited for.

    Args:
        path: of the socket.
        by: who asks, for the log of the run.
        patience_s: how long an answer may take, seconds.
    """

    def __init__(self, path: Path, by: str = "", patience_s: float = PATIENCE_S) -> None:
        self.path = path
        self._by = by
        self._patience_s = patience_s
        self._turn = threading.Lock()
        self._socket: socket.socket | None = None
        self._rest = b""

    def ask(self, command: Command, key: str | None = None, by: str | None = None) -> Answer:
        """Ask, and wait for the answer. A connection that broke is opened anew once, with the same key.

        Args:
            command: what to ask.
            key: of the request; None: a new one.
            by: who asks; None: as the client was made for.

        Raises:
            DoorError: nobody answers, or the answer is no.
        """
        key = secrets.token_hex(8) if key is None else key
        request = Request(command, key if command.changes else "", self._by if by is None else by)
        line = request.line()
        with self._turn:
            for again in (True, False):
                try:
                    return self._exchange(line)
                except OSError as error:
                    self._drop()
                    if not again or isinstance(error, TimeoutError):
                        raise self._shut(error) from error
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def close(self) -> None:
        """Hang up."""
        with self._turn:
            self._drop()

    def __enter__(self) -> DoorClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _exchange(self, line: bytes) -> Answer:
        if self._socket is None:
            self._socket = self._connected()
        with contextlib.suppress(BrokenPipeError):  # sent away before we spoke: why is there to be read
            self._socket.sendall(line)
        told = parse_answer(self._line())
        size = told.pop("jpeg", 0)
        if not isinstance(size, int) or not 0 <= size <= LONGEST_PICTURE:
            self._drop()
            raise DoorError("The door sends a picture without bounds.", kind="malformed")
        return Answer(told, self._exactly(size))

    def _connected(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        made.settimeout(self._patience_s)
        try:
            made.connect(str(self.path))
        except BaseException:  # whatever it was: tidied up, and raised again
            made.close()
            raise
        self._rest = b""
        return made

    def _line(self) -> bytes:
        while b"\n" not in self._rest:
            if len(self._rest) > MAX_ANSWER_BYTES:
                self._drop()
                raise DoorError("The door's answer has no end.", kind="malformed")
            self._receive()
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._receive()
        content, self._rest = self._rest[:size], self._rest[size:]
        return content

    def _receive(self) -> None:
        if self._socket is None:
            raise ConnectionResetError
        piece = self._socket.recv(1 << 18)
        if not piece:
            raise ConnectionResetError
        self._rest += piece

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket, self._rest = None, b""

    def _shut(self, error: OSError) -> DoorError:
        if isinstance(error, TimeoutError):
            return DoorError(
                f"The run behind {self.path} does not answer.", "Is the machine overloaded, or its disk?", "shut"
            )
        if isinstance(error, PermissionError):
            return DoorError(
                f"The door {self.path} may not be used by this user.",
                "Become a member of the service's group: `sudo usermod -aG hemato-edge $USER`, then log in anew.",
                "shut",
            )
        return DoorError(
            f"Nothing runs behind the door {self.path}.", "Start `hemato-edge run --wait`, or the service.", "shut"
        )
