"""What a configuration needs beyond the unit: network, folders, code made while it runs. Each has its reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.cameras.kind import Needs
from hemato_edge.cameras.registry import device_nodes, kind_of
from hemato_edge.errors import CameraError
from hemato_edge.service.unit import CONFIGURATION, STATE_FOLDER, quoted
from hemato_edge.settings import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

from hemato_edge.service.unit import Program

HIDDEN = (Path("/home"), Path("/root"), Path("/run/user"))
"""What `ProtectHome=` hides."""
NOT_KEPT = (Path("/tmp"), Path("/var/tmp"), Path("/run"))  # noqa: S108 - where nothing should be installed
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Allowances:
    """What goes into the drop-in.

    Attributes:
        network: why all of the network is needed; empty: it is not.
        loopback: why the device's own network is needed.
        readable: hidden places that must be visible.
        writable: folders besides the state folder that are written to.
        made_code: why memory must be writable and executable at once; empty: it must not.
        devices: classes of device nodes besides those of the unit, as `DeviceAllow=` calls them.
    """

    network: tuple[str, ...] = ()
    loopback: tuple[str, ...] = ()
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    made_code: str = ""
    devices: tuple[str, ...] = ()

    def drop_in(self) -> str | None:
        """The text of the drop-in; None if the unit is enough."""
        lines = [*self._network_lines(), *self._folder_lines()]
        if self.devices:
            lines += ["# camera.spec opens other devices", *(f"DeviceAllow={name} rw" for name in self.devices)]
        if self.made_code:
            lines += [f"# {self.made_code}", "MemoryDenyWriteExecute=no"]
        if not lines:
            return None
        return "\n".join(["# What this installation needs beyond the unit.", "[Service]", *lines, ""])

    def _network_lines(self) -> list[str]:
        reasons = [*self.network, *self.loopback]
        if not reasons:
            return []
        lines = [f"# {reason}" for reason in reasons]
        lines += ["PrivateNetwork=no", "RestrictAddressFamilies=AF_INET AF_INET6"]
        return [*lines, "IPAddressDeny=" if self.network else "IPAddressAllow=localhost"]

    def _folder_lines(self) -> list[str]:
        lines = []
        if any(_hidden(path) for path in (*self.readable, *self.writable)):
            lines += ["# Home folders stay hidden, but for these.", "ProtectHome=tmpfs"]
        lines += [f"BindReadOnlyPaths={_bound(path)}" for path in self.readable]
        return lines + [
            f"BindPaths={_bound(path)}" if _hidden(path) else f"ReadWritePaths={quoted(path)}" for path in self.writable
        ]


def configured(file: Path = CONFIGURATION) -> dict[str, object]:
    """The settings that the service's configuration file names, by key; empty without a file.

    Environment and home folder of the caller are left out: the service has its own.

    Raises:
        ConfigurationError: it is not valid.
    """
    if not file.exists():
        return {}
    resolved = resolve(file)
    return {key: value for key, value in resolved.values().items() if resolved.origins[key].startswith("file ")}


def allowances(settings: Mapping[str, object], program: Program) -> Allowances:
    """What the settings, by key, and the program need.

    Args:
        settings: as `configured` gives them; what is missing has its default.
        program: what is started.

    Raises:
        CameraError: the settings name a kind of camera that there is not.
    """
    camera, devices = _camera(settings)
    network, loopback = _network(settings, camera)
    paths = [Path(str(v)) for k, v in settings.items() if v is not None and k.endswith((".path", ".folder", "_file"))]
    paths += [] if camera.path is None else [camera.path]
    database = settings.get("store.path")
    folder = None if database is None else Path(str(database)).parent
    writable = () if folder is None or folder.is_relative_to(STATE_FOLDER) else (folder,)
    hidden = dict.fromkeys(p for p in (*program.folders, *paths) if _hidden(p))
    return Allowances(
        network=network,
        loopback=loopback,
        readable=tuple(p for p in hidden if not any(p.is_relative_to(w) for w in writable)),
        writable=writable,
        made_code=camera.made_code,
        devices=devices,
    )


def _camera(settings: Mapping[str, object]) -> tuple[Needs, tuple[str, ...]]:
    """What the camera of the settings needs, and the classes of devices that the unit does not allow anyway."""
    spec = settings.get("camera.spec")
    if spec is None:
        return Needs(), ()
    try:
        kind = kind_of(str(spec))
    except CameraError:
        if not str(spec).startswith("/"):
            raise
        return Needs(path=Path(str(spec))), ()  # a folder that is not there yet, on a stick for instance
    others = [nodes.allowed_as for nodes in kind.devices if nodes not in device_nodes()]
    return kind.needed_by(str(spec)), tuple(others)


def _network(settings: Mapping[str, object], camera: Needs) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Why all of the network is needed, and why the loopback is."""
    network: list[str] = []
    loopback: list[str] = []
    if camera.network:
        network.append("camera.spec is a network camera")
    if settings.get("mqtt.host") is not None:
        (loopback if settings["mqtt.host"] in LOOPBACK else network).append("mqtt.host is set")
    if settings.get("metrics.port") is not None:
        own = settings.get("metrics.host", LOOPBACK[0]) in LOOPBACK
        (loopback if own else network).append("metrics.port is set")
    return tuple(network), tuple(loopback)


def _bound(path: Path) -> str:
    """As `quoted`; a colon would begin the place where it is bound to."""
    word = quoted(path)
    return word if ":" not in word else '"' + word.strip('"').replace(":", "\\\\:") + '"'


def _hidden(path: Path) -> bool:
    return any(path.is_relative_to(place) for place in HIDDEN)
