"""Parts of the shipped classifier that a new bundle is missing, and the command that adds each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.card import ClassifierCard

if TYPE_CHECKING:
    from pathlib import Path


def lacking(bundle: Path) -> list[str]:
    """The parts of the shipped classifier that a bundle is missing, a line each with the command that adds it.

    Raises:
        ModelError: the bundle cannot be read.
    """
    made, ships = (read_bundle(path).card for path in (bundle, shipped_classifier()))
    if not isinstance(made, ClassifierCard) or not isinstance(ships, ClassifierCard):
        return []
    first = "" if made.embedding is not None else "convert again with --embedding, then "
    parts = (
        ("caution", ships.caution is not None, made.caution is not None, f"{first}hemato-edge train caution"),
        ("second look", ships.second_look_views > 1, made.second_look_views > 1, "hemato-edge train second-look"),
    )
    lines = [_line(name, f"{command} {bundle}") for name, wanted, there, command in parts if wanted and not there]
    if ships.subtypes and not made.subtypes:
        lines.append(_line("level below the classes", f"hemato-edge train subtypes --model {bundle}"))
    return lines


def _line(part: str, command: str) -> str:
    return f"Without {part}, unlike the shipped classifier; to add it: {command} --data DATA --out NEW.tflite"
