"""Changes of harmless settings from the page: checked by their own classes, kept in a file of the page's own.

The configuration file belongs to who installed the program, and is not written. What the page changes stands in
`locations.changes_file`, of which nothing but `harmless.CHANGEABLE` is read: whoever may write that file can set no
path, camera, host or model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import ConfigurationError
from hemato_edge.settings.editing import set_in_file
from hemato_edge.settings.harmless import HARMLESS, PROFILE
from hemato_edge.settings.locations import changes_file
from hemato_edge.settings.sources import COMMAND_LINE, DEFAULT, from_text, resolve, sections

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.settings.sources import Resolved


@dataclass(frozen=True, slots=True)
class Shape:
    """How a setting is typed in.

    Attributes:
        kind: "switch", "choice", "number", "pair" or "text".
        choices: of a choice.
        description: what it is, with its bounds where they are.
    """

    kind: str
    choices: tuple[str, ...] = ()
    description: str = ""


def shape_of(key: str) -> Shape:
    """How a harmless setting is typed in, from its own class."""
    section, name = key.split(".")
    info = dict(sections())[section].model_fields[name]
    said = str(info.annotation)
    choices = tuple(map(str, getattr(info.annotation, "__args__", ()))) if "Literal" in said else ()
    kind = "choice" if choices else "pair" if "tuple" in said else "switch" if info.annotation is bool else "text"
    if info.annotation in (int, float):
        kind = "number"
    return Shape(kind, choices, info.description or "")


def change(resolved: Resolved, key: str, text: str) -> None:
    """Set a harmless setting in the file of changes, if it is valid; it stands over the configuration file.

    Args:
        resolved: the settings as they are.
        key: one of `HARMLESS`.
        text: what it is to be, as it is written in the environment; empty: what the configuration file says, or its
            default.

    Raises:
        ConfigurationError: the key may not be changed so, the environment or command line stands over it, the value is
            not valid, or the file cannot be written.
    """
    if key not in HARMLESS:
        raise ConfigurationError(f"{key[:80]} cannot be changed from here.", "Change it in the configuration file.")
    origin = resolved.origins[key]
    if origin != DEFAULT and not origin.startswith("file "):
        raise ConfigurationError(f"{key} is set by the {origin}, which stands over the page.", "Change it there.")
    value: Any = None
    if text.strip():
        value = _valid(resolved, key, text.strip())
    set_in_file(_there(resolved.changes), key, value)


def _valid(resolved: Resolved, key: str, text: str) -> object:
    """The value that a text stands for, in JSON's types."""
    try:
        return resolve(resolved.file, {key: from_text(key, text)}).values()[key]
    except ConfigurationError as error:
        raise ConfigurationError(error.message.replace(f" ({COMMAND_LINE})", ""), error.fix) from error


def choose_profile(config: Path | None, profile: str | None) -> None:
    """Let the next run begin with this calibration profile; None for none.

    Args:
        config: file of settings instead of the usual ones, or None.
        profile: its name.

    Raises:
        ConfigurationError: the file of changes cannot be written.
    """
    set_in_file(_there(changes_file(config)), PROFILE, profile or "")


def _there(file: Path | None) -> Path:
    if file is None:
        raise ConfigurationError("There is no folder to keep changes in.", "Set HOME or XDG_DATA_HOME.")
    return file
