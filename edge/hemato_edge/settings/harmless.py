"""The settings that may be changed from another device: none is a path, a camera, a host or a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import ConfigurationError
from hemato_edge.labels import LEUKOCYTES
from hemato_edge.settings.editing import set_in_file
from hemato_edge.settings.sources import COMMAND_LINE, DEFAULT, default_files, from_text, resolve, sections

if TYPE_CHECKING:
    from hemato_edge.settings.sources import Resolved

HARMLESS: dict[str, str] = {
    "counting.target": "White cells to count",
    "report.laboratory": "Laboratory, printed on reports",
    "report.language": "Language of reports",
    "report.operator": "Who counts, printed on reports",
    "report.comment": "Remark, printed on reports",
    "display.bell": "Bell at the target",
    "web.show_label": "Show samples' labels in titles",
    "web.keep_uploads_min": "Minutes that uploaded pictures are kept",
    "quality.min_focus": "Least focus",
    "quality.min_brightness": "Least brightness",
    "quality.max_saturated_share": "Largest saturated share",
    **dict.fromkeys((f"reference.{label}" for label in LEUKOCYTES), "Reference interval"),
    "estimate.white_factor": "10⁹/L for one white cell per mm²",
    "estimate.platelet_factor": "10⁹/L for one platelet per mm²",
}
"""Key → what it is, in English."""


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
    """Set a harmless setting in the configuration file, if it is valid; comments and all other keys stay.

    Args:
        resolved: the settings as they are.
        key: one of `HARMLESS`.
        text: what it is to be, as it is written in the environment; empty: its default.

    Raises:
        ConfigurationError: the key may not be changed so, another source stands over the file, the value is not valid,
            or the file cannot be written.
    """
    if key not in HARMLESS:
        raise ConfigurationError(f"{key[:80]} cannot be changed from here.", "Change it in the configuration file.")
    origin = resolved.origins[key]
    if origin != DEFAULT and not origin.startswith("file "):
        raise ConfigurationError(f"{key} is set by the {origin}, which stands over the file.", "Change it there.")
    value: Any = None
    if text.strip():
        value = _valid(resolved, key, text.strip())
    set_in_file(resolved.file or default_files()[0], key, value)


def _valid(resolved: Resolved, key: str, text: str) -> object:
    """The value that a text stands for, in JSON's types."""
    try:
        return resolve(resolved.file, {key: from_text(key, text)}).values()[key]
    except ConfigurationError as error:
        raise ConfigurationError(error.message.replace(f" ({COMMAND_LINE})", ""), error.fix) from error
