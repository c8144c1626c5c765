"""Where the door is."""

from __future__ import annotations

import os
from pathlib import Path

from hemato_edge.home import home_folder

SERVICE_FOLDER = Path("/run/hemato-edge")
"""Made by the daemon's unit; only the service's user and group may enter."""


def default_door() -> Path:
    """`door.sock` in the service's folder where that can be entered, else under the user's runtime or data folder.

    The path of a Unix socket has at most 107 bytes, so none is made from long names.
    """
    if os.access(SERVICE_FOLDER, os.W_OK | os.X_OK):
        return SERVICE_FOLDER / "door.sock"
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if runtime.is_absolute() and os.access(runtime, os.W_OK | os.X_OK):
        return runtime / "hemato-edge.sock"
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not base.is_absolute():
        base = home_folder() / ".local" / "share"
    return base / "hemato-edge" / "door.sock"
