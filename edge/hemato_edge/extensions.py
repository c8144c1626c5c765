"""Plugins: what other packages add to the program, through entry points.

An installed package can provide a kind of camera, an engine that runs models, a locator, a report format, or commands:

    [project.entry-points."hemato_edge.cameras"]
    mycamera = "my_package.camera:KIND"

The workstation packages of this project provide their commands (`train`, `convert`, `evaluate`, `data`) the same way.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from functools import cache, reduce
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CAMERAS = "hemato_edge.cameras"
"""Each is a `hemato_edge.cameras.kind.CameraKind`; its SPEC begins with the entry point's name."""
ENGINES = "hemato_edge.engines"
"""Each is a function that returns a `hemato_edge.models.engines.engine.Runtime`; selected by `model.runtime`."""
LOCATORS = "hemato_edge.locators"
"""Each is a `hemato_edge.vision.locate.kind.LocatorKind`; selected by `locator.kind` in the settings."""
COMMANDS = "hemato_edge.commands"
"""Each is a `hemato_edge.cli.commands.CommandSource`."""
REPORT_FORMATS = "hemato_edge.report_formats"
"""Each is a `hemato_edge.views.report.formats.registry.Format`."""
_OURS = "hemato_edge."
_RECORDS = (".dist-info", ".egg-info")
_log = logging.getLogger(__name__)


def extension_names(group: str) -> tuple[str, ...]:
    """The names in a group, sorted; nothing is loaded."""
    return tuple(_entries(group))


def extension(group: str, name: str) -> object:
    """The plugin of this name in a group.

    Raises:
        KeyError: there is no such name.
        ImportError: it cannot be loaded.
        AttributeError: its module lacks the named object.
    """
    return _entries(group)[name].load()


def extensions(group: str) -> Iterator[tuple[str, object]]:
    """The plugins of a group with their names, sorted by name.

    One that cannot be imported is skipped with a warning: a broken plugin must not keep the device from counting.
    """
    for name, entry in _entries(group).items():
        try:
            yield name, entry.load()
        except (ImportError, AttributeError) as error:
            _log.warning("the plugin %s of %s cannot be loaded: %s", name, entry.package, error)


@dataclass(frozen=True, slots=True)
class _EntryPoint:
    """An entry point: its name, the object that it stands for ("module:attribute"), and the package that has it."""

    name: str
    value: str
    package: str

    def load(self) -> object:
        module, _, attributes = (part.strip() for part in self.value.partition("[")[0].partition(":"))
        if not all(map(str.isidentifier, module.split("."))):
            msg = f"{self.value!r} names no module"
            raise ImportError(msg)
        return reduce(getattr, attributes.split(".") if attributes else (), import_module(module))


@cache
def _entries(group: str) -> dict[str, _EntryPoint]:
    """The entry points of a group by name, in the order of the names."""
    return dict(sorted(_installed().get(group, {}).items()))


@cache
def _installed() -> dict[str, dict[str, _EntryPoint]]:
    """Group → name → entry point, of all packages in folders of the path, a package's first copy alone.

    Read here, since `importlib.metadata` takes a fifth of the time of a command's help. This reads the files of all
    packages, so once per process, and only on demand.
    """
    found: dict[str, dict[str, _EntryPoint]] = {}
    seen: set[str] = set()
    for folder in sys.path:
        try:
            inside = [one for one in Path(folder).iterdir() if one.suffix in _RECORDS]
        except OSError:  # such as the zip file of the standard library, which is seldom there
            continue
        for record in inside:
            package = record.name.partition("-")[0].lower()
            if package not in seen:
                seen.add(package)
                _read(record, package, found)
    return found


def _read(record: Path, package: str, found: dict[str, dict[str, _EntryPoint]]) -> None:
    """Add the entry points of a package, of those groups that are this program's."""
    try:
        lines = (record / "entry_points.txt").read_text("utf-8", "replace").splitlines()
    except OSError:  # most packages have none
        return
    group = ""
    for line in map(str.strip, lines):
        if line.startswith("["):
            group = line[1:-1].strip()
        elif line and line[0] not in "#;" and group.startswith(_OURS):
            name, _, value = (part.strip() for part in line.partition("="))
            found.setdefault(group, {})[name] = _EntryPoint(name, value, package)
