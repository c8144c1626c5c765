"""Permissions that a configuration needs beyond the unit: network, folders, executable memory; each with its reason."""

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
    """Content of the drop-in.

    Attributes:
        network: why full network access is needed; empty: it is not.
        loopback: why the loopback network is needed.
        readable: hidden places that must be visible.
        writable: folders besides the state folder that are written to.
        made_code: why memory must be both writable and executable; empty: it need not.
        devices: classes of device nodes besides those of the unit, as in `DeviceAllow=`.
    """

    network: tuple[str, ...] = ()
    loopback: tuple[str, ...] = ()
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    made_code: str = ""
    devices: tuple[str, ...] = ()

    def drop_in(self) -> str | None:
        """The text of the drop-in; None if the unit suffices."""
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
    """The settings in the service's configuration file, by key; empty without a file.

    The caller's environment and home folder are ignored: the service has its own.

    Raises:
        ConfigurationError: it is not valid.
    """
    if not file.exists():
        return {}
    resolved = resolve(file)
    return {key: value for key, value in resolved.values().items() if resolved.origins[key].startswith("file ")}


def allowances(settings: Mapping[str, object], program: Program) -> Allowances:
    """The permissions that settings and program need.

    Args:
        settings: from `configured`; missing ones have their defaults.
        program: the program to start.

    Raises:
        CameraError: the settings name an unknown kind of camera.
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
    """Needs of the configured camera, and its device classes that the unit does not allow yet."""
    spec = settings.get("camera.spec")
    if spec is None:
        return Needs(), ()
    try:
        kind = kind_of(str(spec))
    except CameraError:
        if not str(spec).startswith("/"):
            raise
        return Needs(path=Path(str(spec))), ()  # a folder that does not exist yet, for instance on a USB stick
    others = [nodes.allowed_as for nodes in kind.devices if nodes not in device_nodes()]
    return kind.needed_by(str(spec)), tuple(others)


def _network(settings: Mapping[str, object], camera: Needs) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Why full network access is needed, and why the loopback."""
    network: list[str] = []
    loopback: list[str] = []
    if camera.network:
        network.append("camera.spec is a network camera")
    if settings.get("mqtt.host") is not None:
        (loopback if settings["mqtt.host"] in LOOPBACK else network).append("mqtt.host is set")
    if settings.get("hl7.host") is not None:
        (loopback if settings["hl7.host"] in LOOPBACK else network).append("hl7.host is set")
    if settings.get("metrics.port") is not None:
        own = settings.get("metrics.host", LOOPBACK[0]) in LOOPBACK
        (loopback if own else network).append("metrics.port is set")
    return tuple(network), tuple(loopback)


def _bound(path: Path) -> str:
    """As `quoted`, with colons escaped: they would separate source and destination."""
    word = quoted(path)
    return word if ":" not in word else '"' + word.strip('"').replace(":", "\\\\:") + '"'


def _hidden(path: Path) -> bool:
    return any(path.is_relative_to(place) for place in HIDDEN)
