"""Where the database lies unless a person says otherwise. Apart from `connect`: the settings must not load SQLite."""

from __future__ import annotations

import os
from pathlib import Path

from hemato_edge.errors import ConfigurationError
from hemato_edge.home import home_folder


def default_database() -> Path:
    """`$XDG_DATA_HOME/hemato-edge/hemato-edge.db`, or the same under `~/.local/share`.

    The XDG base directory specification says that a relative `XDG_DATA_HOME` is to be ignored.

    Raises:
        ConfigurationError: it is not set, and there is no home folder.
    """
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not base.is_absolute():
        base = home_folder() / ".local" / "share"
    return base / "hemato-edge" / "hemato-edge.db"


def is_default(path: Path) -> bool:
    """Whether that is where the database lies by default."""
    try:
        return path == default_database()
    except ConfigurationError:
        return False
