"""What other packages add to the program, through entry points of their distributions.

A package that is installed beside this one can bring a kind of camera, an engine that runs models, or commands:

    [project.entry-points."hemato_edge.cameras"]
    mycamera = "my_package.camera:KIND"

The workstation's half of this project brings its own commands (`train`, `convert`, `evaluate`, `data`) in the same way.
"""

from __future__ import annotations

import logging
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CAMERAS = "hemato_edge.cameras"
"""Each names a `hemato_edge.cameras.kind.CameraKind`."""
ENGINES = "hemato_edge.engines"
"""Each names a `hemato_edge.models.engines.EngineKind`."""
COMMANDS = "hemato_edge.commands"
"""Each names a function that takes a `typer.Typer` and adds its commands to it."""
_log = logging.getLogger(__name__)


def extensions(group: str) -> Iterator[tuple[str, object]]:
    """What installed packages offer under a group, by name and in the order of the names.

    One that cannot be imported is left out with a warning: a broken add-on must not keep the device from counting.
    """
    for entry in sorted(entry_points(group=group), key=lambda found: found.name):
        try:
            yield entry.name, entry.load()
        except (ImportError, AttributeError) as error:
            source = entry.dist.name if entry.dist is not None else entry.value
            _log.warning("the extension %s of %s cannot be loaded: %s", entry.name, source, error)
