"""What a kind of camera is: one value that says how it is named, made, isolated, and what it needs of the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hemato_edge.errors import CameraError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hemato_edge.cameras.camera import Camera


class CameraOptions(Protocol):
    """What of the camera's settings its making depends on; `settings.CameraSettings` has it all."""

    @property
    def width(self) -> int | None:
        """Picture width to ask for, pixels; None for the camera's own."""

    @property
    def height(self) -> int | None:
        """Picture height to ask for, pixels; None for the camera's own."""

    @property
    def fps(self) -> float | None:
        """Frames a second to ask for; None for the camera's own."""

    @property
    def credentials_file(self) -> Path | None:
        """File with user:password of a network camera; None: its address has them, or needs none."""

    @property
    def open_timeout_s(self) -> float:
        """Longest wait for the first frame, seconds."""

    @property
    def read_timeout_s(self) -> float:
        """Longest wait for one frame, seconds."""


class DeviceNodes(NamedTuple):
    """A class of device nodes.

    Attributes:
        pattern: where they lie, a glob.
        allowed_as: what systemd's `DeviceAllow=` calls them.
    """

    pattern: str
    allowed_as: str


VIDEO_NODES = DeviceNodes("/dev/video*", "char-video4linux")
MEDIA_NODES = DeviceNodes("/dev/media*", "char-media")
DMA_HEAPS = DeviceNodes("/dev/dma_heap/*", "char-dma_heap")


@dataclass(frozen=True, slots=True)
class Needs:
    """What one camera needs of the machine, besides the device nodes of its kind.

    Attributes:
        network: whether frames come over the network.
        node: the device node that it reads; None if it names none.
        node_is_sure: False where another camera is taken if that node is missing.
        path: the file or folder that it reads.
        made_code: why code is made at run time, which a hardened service forbids; empty: it is not.
    """

    network: bool = False
    node: str | None = None
    node_is_sure: bool = True
    path: Path | None = None
    made_code: str = ""


@dataclass(frozen=True, slots=True)
class CameraKind:
    """One kind of camera, as the command line, the reader process, the service's unit and the doctor see it.

    Attributes:
        name: what its SPEC is, or begins with before a colon: `picamera`, `picamera:1`. Another package's kind is
            entered under this name.
        examples: what a person can type, the plainest first.
        help: what it is, a few words for the table of the documentation.
        make: the camera of a SPEC, not yet open; raises CameraError if it cannot be one.
        matches: whether a SPEC is of this kind; None: by its name.
        live: True if frames are lost when nobody reads; False if the source has an end and waits.
        isolated: whether it is read in a process of its own, which can be killed. False only for what can neither
            hang nor crash on somebody else's account: no driver, no network, no decoder of streams.
        devices: the device nodes that it opens.
        packages: Python packages and OpenCV's parts that it cannot do without, by the doctor's names.
        needs: what one SPEC needs besides.
    """

    name: str
    examples: tuple[str, ...]
    help: str
    make: Callable[[str, CameraOptions], Camera]
    matches: Callable[[str], bool] | None = None
    live: bool = True
    isolated: bool = True
    devices: tuple[DeviceNodes, ...] = ()
    packages: tuple[str, ...] = ()
    needs: Callable[[str], Needs] | Needs = Needs()

    def takes(self, spec: str) -> bool:
        """Whether `spec` is of this kind."""
        if self.matches is not None:
            return self.matches(spec)
        return spec == self.name or spec.startswith(f"{self.name}:")

    def needed_by(self, spec: str) -> Needs:
        """What the camera `spec`, of this kind, needs."""
        return self.needs if isinstance(self.needs, Needs) else self.needs(spec)


def number_in(spec: str, kind: str, default: int = 0) -> int:
    """The number after the kind's name: 1 of `picamera:1`.

    Raises:
        CameraError: what stands there is no number.
    """
    text = spec.removeprefix(kind).removeprefix(":")
    if not text:
        return default
    if not text.isdecimal():
        raise CameraError(
            f"'{spec}' is not a camera: {text!r} is not a number.", f"Type for instance `--camera {kind}:1`."
        )
    return int(text)
