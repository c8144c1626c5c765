"""The home folder of who runs the program: a user of a container or of a service may have none."""

from __future__ import annotations

import os
from pathlib import Path

from hemato_edge.errors import ConfigurationError


def home_folder() -> Path:
    """The home folder: `$HOME`, else that of the password file.

    Raises:
        ConfigurationError: there is neither.
    """
    try:
        return Path.home()
    except RuntimeError as error:
        raise ConfigurationError(
            f"There is no home folder: HOME is not set, and user {os.getuid()} has no entry in the password file.",
            "Set HOME to a folder that this user may write to.",
        ) from error


def from_home(path: str | Path) -> Path:
    """A path with `~` for the home folder; as it was given where there is no such folder or user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
