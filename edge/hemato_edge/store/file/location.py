"""Where the database lies unless a person says otherwise. Apart from `connect`: the settings must not load SQLite."""

from __future__ import annotations

import os
from pathlib import Path


def default_database() -> Path:
    """`$XDG_DATA_HOME/hemato-edge/hemato-edge.db`, or the same under `~/.local/share`.

    The XDG base directory specification says that a relative `XDG_DATA_HOME` is to be ignored.
    """
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not base.is_absolute():
        base = Path.home() / ".local" / "share"
    return base / "hemato-edge" / "hemato-edge.db"
