"""What the service manager is told: ready, alive, status, reloading, stopping.

The protocol is one datagram of `NAME=value` lines to the Unix socket in `NOTIFY_SOCKET` (sd_notify(3)). It is spoken
here, in a dozen lines: of the Python libraries, sdnotify has no wheel and no release since 2017, and cysystemd and
systemd-python bring compiled code.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from hemato_edge.store.records import Totals

STATUS_EVERY_S = 5.0
"""How often the counts in the status line are renewed."""
_FEED_EVERY_S = 1.0
_SEND_TIMEOUT_S = 1.0
_log = logging.getLogger(__name__)


class Notifier:
    """Speaks to the service manager; says nothing where there is none.

    Args:
        address: of its datagram socket: a path, or "@NAME" for an abstract one. None: nobody listens.
    """

    def __init__(self, address: str | None = None) -> None:
        self._address = address

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str] = os.environ) -> Notifier:
        """The one of this process. The variable is taken out, so that no child speaks in our name."""
        return cls(environment.pop("NOTIFY_SOCKET", None) or None)

    @property
    def listening(self) -> bool:
        """Whether a service manager waits for word."""
        return self._address is not None

    def send(self, **lines: str | int) -> None:
        """Send the lines `NAME=value`. A manager that is gone or full is logged, never raised: counting goes on."""
        if self._address is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        message = "\n".join(f"{name}={str(value).replace(chr(10), ' ')}" for name, value in lines.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(_SEND_TIMEOUT_S)
                sender.sendto(message.encode(), address)
        except OSError as error:
            _log.warning("the service manager cannot be told %s: %s", ", ".join(lines), error)


class Watchdog:
    """Tells the service manager that frames are really counted, or that the camera is being brought back.

    The watchdog is fed after a commit, and only if a frame was read and analysed since it was fed last: a hung camera,
    a hung inference and a hung disk each leave it hungry, and systemd starts the program anew. While the camera is away
    no frame can come, so each step that brings it back feeds it, too, but not while a field waits for the disk. Another
    program's lock is waited for only so long (`store.writer.PATIENCE_S`), and feeds it meanwhile. May be called from
    any thread.

    Args:
        notifier: who is told.
        clock: seconds that only go forward.
    """

    def __init__(self, notifier: Notifier | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._notifier = notifier or Notifier()
        self._clock = clock
        self._lock = threading.Lock()
        self._analysed = self._handed_over = False
        self._fed = self._told = float("-inf")
        self._ready = self._stopping = False
        self._camera = "live"
        self._totals: Totals | None = None

    def waiting(self, what: str, seconds: float) -> None:
        """Starting takes `seconds` longer than the manager expects."""
        self._notifier.send(EXTEND_TIMEOUT_USEC=int(seconds * 1e6), STATUS=what)

    def attending(self) -> None:
        """Camera and models are open, frames are looked at, and a session is waited for."""
        with self._lock:
            self._ready = True
            self._notifier.send(READY=1, WATCHDOG=1, STATUS="waiting for a session to be started")

    def started(self, totals: Totals) -> None:
        """Camera, models and store are open and the session has begun."""
        with self._lock:
            self._ready, self._totals, self._fed = True, totals, self._clock()
            self._notifier.send(READY=1, WATCHDOG=1, STATUS=self._status())

    def analysed(self) -> None:
        """A frame went through the analysis, whatever came of it."""
        self._analysed = True

    def handed_over(self) -> None:
        """A field is on its way to the disk: until it is there, only that counts as life."""
        self._handed_over = True

    def locked_out(self) -> None:
        """Another program holds the database's lock, and the writer waits for it."""
        now = self._clock()
        with self._lock:
            if self._ready and not self._stopping and now - self._fed >= _FEED_EVERY_S:
                self._fed = now
                self._notifier.send(WATCHDOG=1, STATUS="waiting: another program has locked the database")

    def committed(self, totals: Totals) -> None:
        """These totals are on disk."""
        now = self._clock()
        with self._lock:
            self._totals, self._handed_over = totals, False
            if not self._ready or self._stopping:
                return
            lines: dict[str, str | int] = {}
            if self._analysed and now - self._fed >= _FEED_EVERY_S:
                self._analysed, self._fed, lines["WATCHDOG"] = False, now, 1
                self._camera = "live"
            if now - self._told >= STATUS_EVERY_S:
                self._told, lines["STATUS"] = now, self._status()
            if lines:
                self._notifier.send(**lines)

    def camera(self, state: str, detail: str = "") -> None:
        """The camera's state machine has turned without a frame.

        Call it in the thread that reads the camera, never in one that only waits for that: what calls it keeps the
        program alive. The next frame that is analysed and committed makes the camera live again.

        Args:
            state: live, stalled, recovering or failed; words may follow, as "recovering for 4 s".
            detail: in words, what it does or waits for.
        """
        with self._lock:
            self._camera = f"{state} ({detail})" if detail else state
            if self._stopping:
                return
            alive: dict[str, str | int] = {} if self._handed_over else {"WATCHDOG": 1}
            if alive:
                self._fed = self._clock()
            self._notifier.send(**alive, STATUS=self._status())

    def reloading(self) -> None:
        """The settings are being read anew."""
        with self._lock:
            microseconds = time.monotonic_ns() // 1000  # required of Type=notify-reload
            self._notifier.send(RELOADING=1, MONOTONIC_USEC=microseconds, STATUS="reading the settings anew")

    def reloaded(self) -> None:
        """The settings were taken over, or refused; it runs on."""
        with self._lock:
            if self._ready:
                self._notifier.send(READY=1, STATUS=self._status())

    def stopping(self, reason: str) -> None:
        """The session is being ended."""
        with self._lock:
            if not self._stopping:
                self._stopping = True
                self._notifier.send(STOPPING=1, STATUS=f"ending: {reason}" if reason else "ending")

    def _status(self) -> str:
        if self._totals is None:
            return f"camera {self._camera}"
        totals = self._totals
        rejected = sum(totals.rejected.values())
        return (
            f"session {totals.session}: {totals.wbc} white cells, {totals.fields} fields, {totals.frames} frames, "
            f"{rejected} rejected, {totals.dropped} dropped; camera {self._camera}"
        )
