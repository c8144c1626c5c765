"""A kind of camera: one value with its name, constructor, isolation, and needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hemato_edge.errors import CameraError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hemato_edge.cameras.camera import Camera


class CameraOptions(Protocol):
    """The camera settings needed to construct one; `settings.CameraSettings` has all of them."""

    @property
    def width(self) -> int | None:
        """Picture width to request, pixels; None for the camera's default."""

    @property
    def height(self) -> int | None:
        """Picture height to request, pixels; None for the camera's default."""

    @property
    def fps(self) -> float | None:
        """Frames per second to request; None for the camera's default."""

    @property
    def credentials_file(self) -> Path | None:
        """File with user:password of a network camera; None: the address has them, or needs none."""

    @property
    def open_timeout_s(self) -> float:
        """Maximum wait for the first frame, seconds."""

    @property
    def read_timeout_s(self) -> float:
        """Maximum wait for one frame, seconds."""


class DeviceNodes(NamedTuple):
    """A class of device nodes.

    Attributes:
        pattern: glob of their paths.
        allowed_as: their name in systemd's `DeviceAllow=`.
    """

    pattern: str
    allowed_as: str


VIDEO_NODES = DeviceNodes("/dev/video*", "char-video4linux")
MEDIA_NODES = DeviceNodes("/dev/media*", "char-media")
DMA_HEAPS = DeviceNodes("/dev/dma_heap/*", "char-dma_heap")


@dataclass(frozen=True, slots=True)
class Needs:
    """System resources that one camera needs, besides the device nodes of its kind.

    Attributes:
        network: whether frames come over the network.
        node: the device node it reads; None if none is named.
        node_is_sure: False if another camera is used when that node is missing.
        path: the file or folder it reads.
        made_code: why code is generated at run time, which a hardened service forbids; empty: it is not.
    """

    network: bool = False
    node: str | None = None
    node_is_sure: bool = True
    path: Path | None = None
    made_code: str = ""


@dataclass(frozen=True, slots=True)
class CameraKind:
    """One kind of camera, as used by command line, reader process, service unit and doctor.

    Attributes:
        name: its SPEC, or the SPEC's part before a colon: `picamera`, `picamera:1`. Another package registers its
            kind under this name.
        examples: what a user can type, the simplest first.
        help: short description for the documentation's table.
        make: the camera of a SPEC, not yet open; raises CameraError if there is none.
        matches: whether a SPEC is of this kind; None: by its name.
        live: True if unread frames are lost; False if the source has an end and waits.
        isolated: whether it is read in its own process, which can be killed. False only for what cannot hang or crash
            because of others: no driver, no network, no stream decoder.
        devices: the device nodes that it opens.
        packages: required Python packages and OpenCV parts, by the doctor's names.
        needs: additional needs of one SPEC.
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
        """The needs of the camera `spec`, which is of this kind."""
        return self.needs if isinstance(self.needs, Needs) else self.needs(spec)


def number_in(spec: str, kind: str, default: int = 0) -> int:
    """The number after the kind's name: 1 of `picamera:1`.

    Raises:
        CameraError: it is no number.
    """
    text = spec.removeprefix(kind).removeprefix(":")
    if not text:
        return default
    if not text.isdecimal():
        raise CameraError(
            f"'{spec}' is not a camera: {text!r} is not a number.", f"Type for instance `--camera {kind}:1`."
        )
    return int(text)
