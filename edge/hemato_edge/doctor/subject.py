"""What is examined: a machine, a Python, a user, the settings."""

from __future__ import annotations

import grp
import os
import pwd
import sys
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.cameras.registry import kind_of
from hemato_edge.device.machine import Machine
from hemato_edge.errors import CameraError
from hemato_edge.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hemato_edge.cameras.kind import CameraKind

SYSTEM_PACKAGES = "/usr/lib/python3/dist-packages"
"""Where apt puts Python packages on Debian, Raspberry Pi OS and JetPack."""


@dataclass(frozen=True, slots=True)
class PythonInstall:
    """A Python and where it finds packages.

    Attributes:
        version: (3, 11, 2).
        in_venv: whether it is a virtual environment's.
        system_packages: whether that environment sees the packages of the Python it was made from.
        base: of that Python: /usr for the system's own.
        folders: where packages lie, in the order of the search.
    """

    version: tuple[int, int, int]
    in_venv: bool
    system_packages: bool
    base: Path
    folders: tuple[Path, ...]

    def folder_of(self, package: str) -> Path | None:
        """The folder that `import package` takes it from."""
        return next((f for f in self.folders if (f / package).is_dir() or (f / f"{package}.py").is_file()), None)


def packages_in(folder: Path) -> dict[str, str]:
    """Name, in lower case with hyphens, → version of the packages whose metadata lie in a folder."""
    found = {}
    for distribution in distributions(path=[str(folder)]):
        name = distribution.metadata["Name"] or ""
        found[name.lower().replace("_", "-")] = distribution.version or "?"
    return found


def this_python() -> PythonInstall:
    """The one that runs this program."""
    config = Path(sys.prefix) / "pyvenv.cfg"
    lines = config.read_text(errors="replace").lower().splitlines() if config.is_file() else []
    flags = dict(line.replace(" ", "").split("=", 1) for line in lines if "=" in line)
    folders = (Path(place) for place in sys.path if Path(place).name in ("site-packages", "dist-packages"))
    return PythonInstall(
        version=sys.version_info[:3],
        in_venv=sys.prefix != sys.base_prefix,
        system_packages=flags.get("include-system-site-packages") == "true",
        base=Path(sys.base_prefix),
        folders=tuple(folder for folder in folders if folder.is_dir()),
    )


@dataclass(frozen=True, slots=True)
class User:
    """Who asks: name, numbers of the user and of all groups of this process."""

    name: str
    uid: int
    gids: frozenset[int]

    def may_use(self, mode: int, uid: int, gid: int) -> bool:
        """Whether a file with that mode and owner can be read and written."""
        if self.uid == 0:
            return True
        shift = 6 if uid == self.uid else 3 if gid in self.gids else 0
        return mode >> shift & 0o6 == 0o6


def this_user() -> User:
    """The one that runs this program."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a number without a name, as in containers
        name = str(os.geteuid())
    return User(name, os.geteuid(), frozenset({os.getegid(), *os.getgroups()}))


def group_name(gid: int) -> str:
    """The name of a group, or its number."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


@dataclass(frozen=True, slots=True)
class Subject:
    """What the probes look at. `python` and `user` are None for a captured machine: nothing is known of them."""

    machine: Machine = field(default_factory=Machine)
    settings: Settings = field(default_factory=Settings)
    python: PythonInstall | None = None
    user: User | None = None

    @property
    def camera(self) -> str:
        """The camera in the settings."""
        return self.settings.camera.spec

    def camera_kind(self) -> CameraKind:
        """The kind of the camera in the settings. Raises CameraError where there is no such kind."""
        return kind_of(self.camera)

    def camera_relies_on(self, package: str) -> bool:
        """Whether the camera in the settings cannot do without a package; see `CameraKind.packages`."""
        try:
            return package in self.camera_kind().packages
        except CameraError:
            return False


def this_subject(settings: Settings) -> Subject:
    """This machine, this Python, this user."""
    return Subject(Machine(), settings, this_python(), this_user())


def listed(names: Iterable[str], most: int = 4) -> str:
    """A list for one line: the first few, then how many more."""
    every = list(names)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
