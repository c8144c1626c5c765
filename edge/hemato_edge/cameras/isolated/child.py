"""The process that reads a camera, so that a driver that never returns can be killed with it.

It serves requests over a socket, one at a time, and puts the pixels into shared memory. It loads neither models nor
settings: OpenCV or picamera2 is its largest part.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemato_edge.cameras.camera import EndOfFrames
from hemato_edge.cameras.controls import LockableCamera
from hemato_edge.cameras.isolated.shared_frame import SharedFrame
from hemato_edge.errors import CameraError, HematoEdgeError

if TYPE_CHECKING:
    from hemato_edge.cameras.camera import Camera

MESSAGE_BYTES = 65_536
"""Longest request or answer; pixels are not sent over the socket."""
MAKE_CAMERA = "hemato_edge.cameras.registry:make_camera"
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_NAME = b"hemato-reader"


@dataclass(frozen=True, slots=True)
class CameraRecipe:
    """How to make a camera in another process.

    Attributes:
        spec: as given after `--camera`.
        width, height, fps, open_timeout_s, read_timeout_s: as in the settings.
        credentials_file: None: the credentials are already in `spec`.
        maker: "module:function", called with the spec and this recipe.
    """

    spec: str
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    open_timeout_s: float = 10.0
    read_timeout_s: float = 5.0
    maker: str = MAKE_CAMERA
    credentials_file: None = None

    def make(self) -> Camera:
        """The camera, not yet open. Raises whatever the maker raises."""
        module, function = self.maker.split(":")
        camera: Camera = getattr(importlib.import_module(module), function)(self.spec, self)
        return camera


class Reader:
    """Serves requests for one camera until the client is gone.

    Args:
        asker: a message-preserving socket to the client.
        shared: memory for the frames.
    """

    def __init__(self, asker: socket.socket, shared: SharedFrame) -> None:
        self._asker = asker
        self._shared = shared
        self._camera: Camera | None = None
        self._number = 0

    def serve(self) -> None:
        """Serve until "close", or until the client is gone; then close the camera."""
        self._answer({"ready": os.getpid()})
        try:
            while request := self._asker.recv(MESSAGE_BYTES):
                asked = json.loads(request)
                if asked["do"] == "close":
                    return
                self._answer(self._do(asked))
        finally:
            if self._camera is not None:
                self._camera.close()

    def _answer(self, message: dict[str, Any]) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # the next recv reports that the client is gone
            self._asker.send(json.dumps(message).encode())

    def _do(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            if asked["do"] == "open":
                return self._open(CameraRecipe(**asked["recipe"]))
            if self._camera is None:
                raise CameraError("The camera is not open.")
            if asked["do"] == "read":
                return self._read(self._camera, asked["timeout_s"])
            return self._control(self._camera, asked)
        except HematoEdgeError as error:
            return {"error": type(error).__name__, "message": error.message, "fix": error.fix}
        except Exception as error:  # noqa: BLE001 - anything that a driver's binding raises is reported
            return {"crash": f"{type(error).__name__}: {error}"}

    def _open(self, recipe: CameraRecipe) -> dict[str, Any]:
        self._camera = camera = recipe.make()
        camera.open()
        return {
            "name": camera.name,
            "live": camera.live,
            "noise": camera.noise.value,
            "total_frames": camera.total_frames,
            "driver": camera.driver if isinstance(camera, LockableCamera) else "",
        }

    def _read(self, camera: Camera, timeout_s: float) -> dict[str, Any]:
        try:
            frame = camera.read(timeout_s)
        except EndOfFrames:
            return {"end": True, "skipped": camera.skipped}
        self._number += 1
        self._shared.write(self._number, frame.image)
        return {
            "number": self._number,
            "shape": frame.image.shape,
            "index": frame.index,
            "monotonic_s": frame.monotonic_s,
            "utc": frame.utc.isoformat(),
            "source": frame.source,
            "independent": frame.independent,
            "skipped": camera.skipped,
        }

    def _control(self, camera: Camera, asked: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(camera, LockableCamera):
            raise CameraError(f"{camera.name} has no exposure that could be locked.")
        if asked["do"] == "lock":
            return asdict(camera.lock_controls(asked["timeout_s"]))
        return {"missed": camera.apply_controls(asked["values"], asked["timeout_s"])}


def main(asker: int, memory: int, parent: int) -> None:
    """Serve the process `parent`, given the descriptors of socket and memory file."""
    _become_a_reader(parent)
    with socket.socket(fileno=asker) as connection:
        Reader(connection, SharedFrame(memory)).serve()


def _become_a_reader(parent: int) -> None:
    """Never outlive the parent, and leave signals and standard output to it."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(_PR_SET_NAME, _NAME)
    if os.getppid() != parent:
        sys.exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.dup2(2, 1)
    with suppress(OSError):  # if memory runs out, kill this process first: it can be restarted
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
