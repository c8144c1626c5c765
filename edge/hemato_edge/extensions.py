"""Plugins: what other packages add to the program, through entry points.

An installed package can provide a kind of camera, an engine that runs models, a locator, a report format, or commands:

    [project.entry-points."hemato_edge.cameras"]
    mycamera = "my_package.camera:KIND"

The workstation packages of this project provide their commands (`train`, `convert`, `evaluate`, `data`) the same way.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

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
            source = entry.dist.name if entry.dist is not None else entry.value
            _log.warning("the plugin %s of %s cannot be loaded: %s", name, source, error)


@cache
def _entries(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name, in the order of the names."""
    return {entry.name: entry for entry in sorted(_installed().select(group=group), key=lambda found: found.name)}


@cache
def _installed() -> Any:  # EntryPoints; on Python 3.10 it has another type with the same `select`
    """All entry points: this reads every distribution, so once per process, and only on demand."""
    from importlib.metadata import entry_points

    return entry_points()
