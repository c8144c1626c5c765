"""Does what is asked for at the door about settings: tells the harmless ones, and changes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from hemato_edge.door.messages import Answer
from hemato_edge.settings.changes import change
from hemato_edge.settings.harmless import HARMLESS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hemato_edge.door.commands import Change, Command
    from hemato_edge.settings import Resolved


class SettingsCommands:
    """Answers for one run. Its methods are called in the door's threads.

    Args:
        read: reads the settings anew, as this run would.
        changed: called after a change, so that it is taken over.
    """

    def __init__(self, read: Callable[[], Resolved], changed: Callable[[], None]) -> None:
        self._read = read
        self._changed = changed

    @property
    def answers(self) -> Mapping[str, Callable[[Command], Answer]]:
        """Command → what does it, for `door.server.Door`."""
        return {
            "settings": lambda _: Answer(_told(self._read())),
            "change": lambda command: self._change(cast("Change", command)),
        }

    def _change(self, command: Change) -> Answer:
        change(self._read(), command.setting, command.value)
        told = _told(self._read())
        self._changed()
        return Answer(told)


def _told(resolved: Resolved) -> dict[str, Any]:
    values = resolved.values()
    return {
        "file": None if resolved.file is None else str(resolved.file),
        "settings": {key: {"value": values[key], "origin": resolved.origins[key]} for key in HARMLESS},
    }
