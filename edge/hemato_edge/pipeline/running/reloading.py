"""SIGHUP: the settings are read anew while a session runs.

What is logged, and how sharp and bright a frame must be, is taken over live; a changed limit of the quality
gate is recorded with the session, whose own record holds the settings it began with. Everything else belongs to the
session as a whole and waits for the next start.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from hemato_edge.errors import HematoEdgeError
from hemato_edge.store.records import SETTING_CHANGED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hemato_edge.pipeline.running.notify import Watchdog
    from hemato_edge.settings import Resolved, Settings

LIVE_SECTIONS = ("quality", "log")
"""Sections whose keys are taken over while a session runs."""
RECORDED_SECTIONS = ("quality",)
"""Those of them that change what is counted."""
_log = logging.getLogger(__name__)


class Reloader:
    """Takes over changed settings.

    Args:
        resolved: the settings that the session began with.
        read: reads them anew.
        take: section → takes over what it now says; for each of `LIVE_SECTIONS`.
        note: records something with the session; see `Daemon.note`.
        watchdog: tells the service manager.
    """

    def __init__(
        self,
        resolved: Resolved,
        read: Callable[[], Resolved],
        take: Mapping[str, Callable[[Settings], None]],
        note: Callable[[str], None],
        watchdog: Watchdog,
    ) -> None:
        self._values = resolved.values()
        self._read = read
        self._take = take
        self._note = note
        self._watchdog = watchdog
        self._wanted = threading.Event()

    def request(self) -> None:
        """Ask for it; for a signal handler."""
        self._wanted.set()

    def check(self) -> None:
        """Do it if it was asked for. Invalid settings are logged, and the old ones stay."""
        if not self._wanted.is_set():
            return
        self._wanted.clear()
        self._watchdog.reloading()
        try:
            self._take_over(self._read())
        except HematoEdgeError as error:
            _log.error("the settings were not taken over: %s", error)
        finally:
            self._watchdog.reloaded()

    def _take_over(self, resolved: Resolved) -> None:
        new = resolved.values()
        changed = [key for key, value in new.items() if value != self._values[key]]
        live = [key for key in changed if key.split(".")[0] in LIVE_SECTIONS]
        for section in dict.fromkeys(key.split(".")[0] for key in live):
            self._take[section](resolved.settings)
        for key in live:
            _log.warning("%s is now %s, before %s", key, new[key], self._values[key])
            self._values[key] = new[key]
            if key.split(".")[0] in RECORDED_SECTIONS:
                self._note(f"{SETTING_CHANGED}{key}={new[key]}")
        for key in changed:
            if key not in live:
                _log.warning("%s = %s waits for the next start; %s stays", key, new[key], self._values[key])
        if not changed:
            _log.warning("the settings were read anew; nothing has changed")
