"""What other packages add to the program, through entry points of their distributions.

A package that is installed beside this one can bring a kind of camera, an engine that runs models, a locator, a format
of reports, or commands:

    [project.entry-points."hemato_edge.cameras"]
    mycamera = "my_package.camera:KIND"

The workstation's half of this project brings its own commands (`train`, `convert`, `evaluate`, `data`) in the same way.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

CAMERAS = "hemato_edge.cameras"
"""Each names a `hemato_edge.cameras.kind.CameraKind`; what a person types begins with the entry point's name."""
ENGINES = "hemato_edge.engines"
"""Each names a function that returns a `hemato_edge.models.engines.engine.Runtime`; `model.runtime` asks for it."""
LOCATORS = "hemato_edge.locators"
"""Each names a `hemato_edge.vision.locate.kind.LocatorKind`; `locator.kind` in the settings asks for it."""
COMMANDS = "hemato_edge.commands"
"""Each names a `hemato_edge.cli.commands.CommandSource`."""
REPORT_FORMATS = "hemato_edge.report_formats"
"""Each names a `hemato_edge.views.report.formats.Format`."""
_log = logging.getLogger(__name__)


def extension_names(group: str) -> tuple[str, ...]:
    """The names under a group, in order; nothing is loaded."""
    return tuple(_entries(group))


def extension(group: str, name: str) -> object:
    """What an installed package offers under a group by this name.

    Raises:
        KeyError: there is no such name.
        ImportError: it cannot be loaded.
        AttributeError: its module does not hold what it names.
    """
    return _entries(group)[name].load()


def extensions(group: str) -> Iterator[tuple[str, object]]:
    """What installed packages offer under a group, by name and in the order of the names.

    One that cannot be imported is left out with a warning: a broken add-on must not keep the device from counting.
    """
    for name, entry in _entries(group).items():
        try:
            yield name, entry.load()
        except (ImportError, AttributeError) as error:
            source = entry.dist.name if entry.dist is not None else entry.value
            _log.warning("the extension %s of %s cannot be loaded: %s", name, source, error)


@cache
def _entries(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name, in the order of the names."""
    return {entry.name: entry for entry in sorted(_installed().select(group=group), key=lambda found: found.name)}


@cache
def _installed() -> Any:  # EntryPoints; on Python 3.10 it has another type with the same `select`
    """All entry points: every distribution is read for them, so once in a process, and only when asked for."""
    from importlib.metadata import entry_points

    return entry_points()
