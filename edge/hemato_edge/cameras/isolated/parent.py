"""A camera in its own process: every wait is bounded, because the process can be killed."""

from __future__ import annotations

import json
import logging
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from hemato_edge import errors
from hemato_edge.cameras.camera import EndOfFrames, Noise
from hemato_edge.cameras.controls import ControlValues, LockedControls
from hemato_edge.cameras.isolated.child import MESSAGE_BYTES
from hemato_edge.cameras.isolated.shared_frame import SharedFrame
from hemato_edge.cameras.isolated.udev_links import LINKS, lasting_name
from hemato_edge.cameras.recovery.state import Fault
from hemato_edge.credentials import without_secrets
from hemato_edge.errors import CameraError, CameraFault, HematoEdgeError
from hemato_edge.values import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from hemato_edge.cameras.isolated.child import CameraRecipe

_log = logging.getLogger(__name__)

START_S = 30.0
"""Time limit for loading Python, numpy and OpenCV: 0.3 s on a workstation, seconds on a Pi with a slow card."""
GRACE_S = 0.5
"""Grace period on top of the camera's own time limit: its error is more specific than ours."""
CLOSE_S = 2.0
"""Time limit for a clean exit; a service has five seconds in all."""
KILLED_S = 1.0
MAX_LEFT_BEHIND = 2
"""Maximum number of killed processes still waiting in the kernel for a device; beyond it no new one is started."""
_START = (
    "import sys, json; asker, memory, parent, path = json.loads(sys.argv[1]); sys.path[:] = path; "
    "from hemato_edge.cameras.isolated.child import main; main(asker, memory, parent)"
)
_FIX = "Unplug it and plug it in again; `dmesg | tail` shows the kernel's messages about it."


class ReaderProcess:
    """Implements the `Camera` protocol for a camera read in a child process; may be opened again after `close`.

    If a read is not answered in time, the child is killed, a `CameraFault` raised, and the camera is closed. A child
    that survives SIGKILL because the kernel waits for its device is left behind, logged, and reaped when it ends. A
    V4L2 device is reopened by the udev link that survives a replug, if there is one.

    Args:
        recipe: of the camera.
        live: value until it has been opened: see `Camera`.
        links: udev's folder of links to video devices.
        kill: how to kill a child.
    """

    def __init__(
        self,
        recipe: CameraRecipe,
        *,
        live: bool = True,
        links: Path = LINKS,
        kill: Callable[[subprocess.Popen[bytes]], None] = subprocess.Popen.kill,
    ) -> None:
        self.name = without_secrets(recipe.spec)
        self.live = live
        self.noise = Noise.NONE
        self.driver = ""
        self.total_frames: int | None = None
        self.skipped: Counter[str] = Counter()
        self.left_behind: list[subprocess.Popen[bytes]] = []
        self._recipe = recipe
        self._links = links
        self._kill = kill
        self._child: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._shared: SharedFrame | None = None
        self._number = 0
        self._known = False
        self._turn = threading.Lock()
        self._interrupted = False

    @property
    def pid(self) -> int | None:
        """The child's process id, if there is one."""
        return None if self._child is None else self._child.pid

    def open(self) -> None:
        """Start the child and open the camera in it.

        Raises:
            CameraError: from the camera's own `open`; CameraFault if that takes too long.
        """
        if self._known and self._recipe.spec.startswith("/") and not Path(self._recipe.spec).exists():
            raise CameraFault(Fault.DISCONNECTED, f"{self.name} is gone: there is no {self._recipe.spec}.", _FIX)
        self._start()
        asked = {"do": "open", "recipe": asdict(self._recipe)}
        told = self._ask(asked, self._recipe.open_timeout_s + GRACE_S)
        self.name, self.live, self.driver = without_secrets(told["name"]), told["live"], told["driver"]
        self.noise, self.total_frames = Noise(told["noise"]), told["total_frames"]
        if not self._known:
            self._remember()

    def read(self, timeout_s: float) -> Frame:
        """The next frame.

        Raises:
            EndOfFrames: there are no more.
            CameraError: from the camera's own `read`; CameraFault if that takes too long.
        """
        told = self._ask({"do": "read", "timeout_s": timeout_s}, timeout_s + GRACE_S)
        self.skipped.update(Counter(told["skipped"]) - self.skipped)
        if "end" in told:
            raise EndOfFrames
        self._number += 1
        if self._shared is None or told["number"] != self._number:
            raise CameraFault(Fault.CRASHED, f"{self.name} gave frame {told['number']} instead of {self._number}.")
        height, width, channels = told["shape"]
        return Frame(
            self._shared.read(self._number, (height, width, channels)),
            told["index"],
            told["monotonic_s"],
            datetime.fromisoformat(told["utc"]),
            told["source"],
            told["independent"],
        )

    def lock_controls(self, timeout_s: float) -> LockedControls:
        """See `LockableCamera`."""
        told = self._ask({"do": "lock", "timeout_s": timeout_s}, 2 * timeout_s + GRACE_S)
        return LockedControls(told["driver"], told["values"], tuple(told["not_locked"]))

    def apply_controls(self, values: ControlValues, timeout_s: float) -> tuple[str, ...]:
        """See `LockableCamera`."""
        asked = {"do": "apply", "values": values, "timeout_s": timeout_s}
        return tuple(self._ask(asked, timeout_s + self._recipe.read_timeout_s + GRACE_S)["missed"])

    def close(self) -> None:
        """End the child, cleanly if it answers. Safe to call twice."""
        if self._socket is not None and self._child is not None and self._child.poll() is None:
            with suppress(OSError):
                self._socket.send(b'{"do": "close"}')
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(CLOSE_S)
        self._let_go()

    def interrupt(self) -> None:
        """End all waits, now and later. The only method for other threads."""
        with self._turn:
            self._interrupted = True
            self._hang_up()

    def _remember(self) -> None:
        """From now on reopen the same camera, whatever its number."""
        spec = self._recipe.spec
        lasting = lasting_name(self.name, self._links) or (self.name if spec.isdigit() else spec)
        if lasting != spec:
            _log.info("camera %s is remembered as %s", self.name, lasting)
        self._recipe = replace(self._recipe, spec=lasting)
        self._known = True

    def _start(self) -> None:
        self.left_behind = [child for child in self.left_behind if child.poll() is None]
        if len(self.left_behind) >= MAX_LEFT_BEHIND:
            pids = ", ".join(str(child.pid) for child in self.left_behind)
            raise CameraFault(
                Fault.HANG,
                f"The kernel does not give up {self.name}: processes {pids} wait in it and cannot be ended.",
                "Unplug the camera, or restart the device.",
            )
        self._number = 0
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._socket, self._shared = ours, SharedFrame()
                self._child = self._spawn(theirs.fileno(), self._shared.file)
        except OSError as error:
            self._let_go()
            raise CameraFault(Fault.CANNOT_OPEN, f"No process can be started to read {self.name}: {error}.") from error
        with self._turn:
            if self._interrupted:
                self._hang_up()
        self._await_answer(START_S)

    def _spawn(self, asker: int, memory: int) -> subprocess.Popen[bytes]:
        arguments = json.dumps([asker, memory, os.getpid(), sys.path])
        limit_s = max(1, round(self._recipe.read_timeout_s))
        quiet = {
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": str(limit_s),  # its own is 10 s
        }
        return subprocess.Popen(  # noqa: S603 - our own interpreter and our own code
            [sys.executable, "-c", _START, arguments],
            stdin=subprocess.DEVNULL,
            pass_fds=(asker, memory),
            env={**os.environ, **quiet},
            start_new_session=True,  # Ctrl-C is for the parent
        )

    def _ask(self, asked: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        if self._socket is None:
            raise CameraError(f"{self.name} is not open.")
        try:
            self._socket.send(json.dumps(asked).encode())
        except OSError:
            self._raise_dead()
        told = self._await_answer(timeout_s)
        if "crash" in told:
            raise CameraFault(Fault.CRASHED, f"The driver of {self.name} failed ({told['crash']}).", _FIX)
        if "error" in told:
            raise self._error(told)
        return told

    def _await_answer(self, timeout_s: float) -> dict[str, Any]:
        if self._socket is None:
            raise CameraError(f"{self.name} is not open.")
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        started = time.monotonic()
        if not poll.poll(timeout_s * 1000):
            self._let_go()
            waited_s = time.monotonic() - started
            raise CameraFault(Fault.HANG, f"{self.name} did not answer for {waited_s:.1f} s: its driver hangs.", _FIX)
        try:
            answer = self._socket.recv(MESSAGE_BYTES)
        except OSError:
            answer = b""
        if not answer:
            self._raise_dead()
        told: dict[str, Any] = json.loads(answer)
        return told

    def _raise_dead(self) -> NoReturn:
        child, interrupted = self._child, self._interrupted
        if child is not None and not interrupted:
            with suppress(subprocess.TimeoutExpired):
                child.wait(KILLED_S)  # it is ending; get its exit code
        self.close()
        if interrupted:
            raise EndOfFrames
        code = None if child is None else child.returncode
        ended = f"by signal {-code}" if code is not None and code < 0 else f"with code {code}"
        raise CameraFault(Fault.CRASHED, f"The process that reads {self.name} ended {ended}.", _FIX)

    def _error(self, told: dict[str, Any]) -> HematoEdgeError:
        """The child's error as one of ours; a missing device becomes a disconnection."""
        kind = getattr(errors, told["error"], CameraError)
        device = self._recipe.spec
        if device.startswith("/") and not Path(device).exists():
            return CameraFault(Fault.DISCONNECTED, told["message"], told["fix"])
        error: HematoEdgeError = CameraError(told["message"], told["fix"])
        if issubclass(kind, HematoEdgeError) and not issubclass(kind, CameraFault):
            error = kind(told["message"], told["fix"])
        return error

    def _let_go(self) -> None:
        """Kill the child if it runs, and free what was shared with it."""
        with self._turn:
            child, self._child = self._child, None
            connection, self._socket = self._socket, None
            shared, self._shared = self._shared, None
        if child is not None and child.poll() is None:
            self._kill(child)
            try:
                child.wait(KILLED_S)
            except subprocess.TimeoutExpired:
                self.left_behind.append(child)
                _log.error(
                    "process %d, which reads %s, does not end: the kernel waits for the device", child.pid, self.name
                )
        if connection is not None:
            connection.close()
        if shared is not None:
            shared.close()

    def _hang_up(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
