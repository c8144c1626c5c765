"""Where settings are looked for, and where those that the page changes are kept."""

from __future__ import annotations

import os
from pathlib import Path

from hemato_edge.errors import ConfigurationError
from hemato_edge.home import home_folder
from hemato_edge.store.file.location import default_database


def default_files() -> tuple[Path, Path]:
    """Where a TOML file is looked for: the user's, then the system's."""
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    if not base.is_absolute():
        base = home_folder() / ".config"
    return base / "hemato-edge" / "config.toml", Path("/etc/hemato-edge/config.toml")


def changes_file(file: Path | None) -> Path | None:
    """Where changes from the page are kept, which stand over the configuration file: a file of the program's own user.

    Args:
        file: the configuration file that is read, or None.

    Returns:
        For one of `default_files`, or none, `$XDG_DATA_HOME/hemato-edge/changes.toml`, beside the database; for
        another file FILE.toml, FILE.changes.toml beside it. None for a user without a home folder.
    """
    try:
        if file is None or file in default_files():
            return default_database().with_name("changes.toml")
    except ConfigurationError:
        return None
    return file.with_suffix(".changes.toml")
