"""The settings that a session was recorded with, read back by their key."""

from __future__ import annotations

from collections.abc import Mapping

from hemato_edge.errors import ConfigurationError

CONTROL = "control"
"""The section of a control slide; its one key is `LOT`."""
LOT = "lot"


def setting(settings: Mapping[str, object], key: str) -> object | None:
    """A recorded setting such as "reference.neutrophil", however the session nested it; None where it is not there."""
    if key in settings:
        return settings[key]
    section, _, name = key.partition(".")
    found = settings.get(section)
    return found.get(name) if isinstance(found, Mapping) else None


def number_set(settings: Mapping[str, object], key: str) -> float | None:
    """The same where it is a number, else None."""
    found = setting(settings, key)
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def control_lot(settings: Mapping[str, object]) -> str:
    """The lot of the control slide that a session was begun with; "" without one."""
    found = setting(settings, f"{CONTROL}.{LOT}")
    return found if isinstance(found, str) else ""


def lot_named(text: str) -> str:
    """The name of a lot of control slides as a person gave it, without spaces around.

    Raises:
        ConfigurationError: it is empty, or holds a tab, a line break or another control character.
    """
    lot = text.strip()
    if not lot or not lot.isprintable():
        fault = f"{lot!r} is no name of a lot: it has a control character." if lot else "A lot needs a name."
        raise ConfigurationError(fault, "Give what is printed on the slides' box, such as L2026-07.")
    return lot
