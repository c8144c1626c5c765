"""The door's own side: takes connections, reads commands, hands them on, and sends back what is answered.

It never touches counts itself. The socket's rights are the check of who may come: 0660, of the service's group.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import stat
import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING

from hemato_edge.door.messages import MAX_REQUEST_BYTES, Answer, DoorError, parse_request, refusal
from hemato_edge.errors import HematoEdgeError, OutletError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from hemato_edge.door.commands import Command
    from hemato_edge.door.messages import Request

_log = logging.getLogger(__name__)
MOST_CONNECTIONS = 12
"""The page uses two; further ones are for the command line."""
REMEMBERED = 100
"""Answers that are given again to the same key."""
_LONGEST_PATH = 107
_SEND_S = 5.0
_END_S = 2.0


class Door:
    """Answers at a Unix socket while it is open. A context manager.

    Args:
        path: of the socket; one that a killed process left there is replaced.
        answers: command's name → what does it. Called in threads of the door, several at a time; they raise
            `HematoEdgeError` to refuse. A command that is not named is refused.

    Raises:
        OutletError: the socket cannot be made, or another run has it.
    """

    def __init__(self, path: Path, answers: Mapping[str, Callable[[Command], Answer]]) -> None:
        self.path = path
        self._answers = dict(answers)
        self._given: OrderedDict[str, Future[bytes]] = OrderedDict()
        self._given_lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._answered = threading.Condition(self._lock)
        self._at_work = 0
        self._closing = False
        self._socket = _listening(path)
        self._accepting = threading.Thread(target=self._accept, name="door", daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Shut it: what is being done is answered, if that does not take long; then all are hung up on."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            open_now, threads = list(self._connections), list(self._threads)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._socket.close()
        self.path.unlink(missing_ok=True)
        with self._lock:  # who asked for the end is told of it
            self._answered.wait_for(lambda: not self._at_work, _END_S)
        for one in open_now:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._accepting.join(_END_S)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(_END_S)

    def __enter__(self) -> Door:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._socket.accept()
            except OSError:
                if self._closing:
                    return
                _log.exception("the door could not let somebody in")
                continue
            one.settimeout(_SEND_S)
            with self._lock:
                room = len(self._connections) < MOST_CONNECTIONS and not self._closing
                if room:
                    thread = threading.Thread(target=self._serve, args=(one,), name="door visitor", daemon=True)
                    self._connections.add(one)
                    self._threads.add(thread)
            if room:
                thread.start()
            else:
                _hang_up(one, DoorError("Too many stand at the door.", "Close a page that is not used.", "busy"))

    def _serve(self, one: socket.socket) -> None:
        try:
            self._talk(one)
        except (OSError, TimeoutError):
            pass  # gone, or it does not read: nothing is owed to it
        finally:
            with self._lock:
                self._connections.discard(one)
                self._threads.discard(threading.current_thread())
            one.close()

    def _talk(self, one: socket.socket) -> None:
        rest = b""
        while True:
            line, found, after = rest.partition(b"\n")
            if not found:
                if len(rest) > MAX_REQUEST_BYTES:
                    _hang_up(one, DoorError("What was said at the door has no end.", kind="malformed"))
                    return
                one.settimeout(None)  # a visitor may be silent for as long as it likes
                piece = one.recv(MAX_REQUEST_BYTES)
                one.settimeout(_SEND_S)
                if not piece:
                    return
                rest += piece
                continue
            rest = after
            with self._lock:
                self._at_work += 1
            try:
                one.sendall(self._answer(line))
            finally:
                with self._lock:
                    self._at_work -= 1
                    self._answered.notify_all()

    def _answer(self, line: bytes) -> bytes:
        try:
            if len(line) >= MAX_REQUEST_BYTES:
                raise DoorError("What was said at the door is too long.", kind="malformed")
            request = parse_request(line)
            return self._once(request) if request.key and request.command.changes else self._do(request)
        except HematoEdgeError as error:
            return refusal(error)

    def _once(self, request: Request) -> bytes:
        """Do it, unless its key was used: then the answer of that time, also while that is still at work."""
        with self._given_lock:
            given = self._given.get(request.key)
            mine = given is None
            if given is None:
                given = self._given[request.key] = Future()
                while len(self._given) > REMEMBERED:
                    self._given.popitem(last=False)
        if mine:
            given.set_result(self._do(request))
        return given.result()

    def _do(self, request: Request) -> bytes:
        """Hand it on; whatever goes wrong there is an answer, too."""
        command = request.command
        if command.changes:
            _log.info("%s asks at the door for %s", request.by or "somebody", command.name)
        try:
            if command.name not in self._answers:
                raise DoorError(f"This run cannot {command.name}.", kind="not_now")
            return self._answers[command.name](command).content()
        except HematoEdgeError as error:
            return refusal(error)
        except Exception:  # noqa: BLE001 - a fault of ours must be an answer, too, and leave no key without one
            _log.exception("the command %s failed", command.name)
            return refusal(HematoEdgeError("The program has a fault here.", "See its log, and report it."))


def _listening(path: Path) -> socket.socket:
    if len(str(path).encode()) > _LONGEST_PATH:
        raise OutletError(f"The door's path {path} is too long for a socket.", "Set a shorter door.path.")
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(path)
        made.bind(str(path))
        path.chmod(0o660)
        made.listen(MOST_CONNECTIONS)
    except OSError as error:
        made.close()
        raise OutletError(
            f"The door {path} cannot be opened: {error.strerror}.", "Set door.path to a folder that can be written."
        ) from error
    except BaseException:  # whatever it was: tidied up, and raised again
        made.close()
        raise
    return made


def _remove_left(path: Path) -> None:
    """Remove a socket that nobody listens at any more."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise OutletError(f"{path} is no socket.", "Move it, or set another door.path.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise OutletError(f"Another run has the door {path}.", "End that run, or set another door.path.")


def _hang_up(one: socket.socket, error: DoorError) -> None:
    with contextlib.suppress(OSError):
        one.sendall(refusal(error))
    one.close()
