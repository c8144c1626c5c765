"""Counts over MQTT, at least once: store → outbox → broker, in a thread of its own, off the frames' path.

The pipeline hands nothing to this thread and never waits for it; it reads what is committed, as any other reader does.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.outlets.mqtt.access import device_name
from hemato_edge.outlets.mqtt.broker import IN_FLIGHT, Broker
from hemato_edge.outlets.mqtt.outbox import Outbox, outbox_path
from hemato_edge.outlets.mqtt.outbox_feed import Filler
from hemato_edge.store.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.settings import MqttSettings

FLUSH_S = 2.0
"""How long an ending run tries to send what waits. The rest is sent by the next one."""
GOODBYE_S = 0.5
RETRY_S = 60.0
"""How long to wait after the broker has refused a message."""
LOOK_S = 5.0
"""How often to look whether a session has begun or ended; that writes nothing."""
TROUBLED_S = 10.0
"""How long to wait after the store or the outbox could not be used."""
CROWDED_S = 0.2
"""How long to wait until the outbox may have room again."""

log = logging.getLogger(__name__)


class Publisher:
    """Publishes a database's counts to a broker, from `start` to `stop`.

    Args:
        settings: with a host.
        database: there already.

    Attributes:
        broker: the connection.
        waiting: messages that the broker has not acknowledged.
        sent: messages that it has, since `start`.

    Raises:
        MissingExtraError, ConfigurationError: see `Broker`.
        StoreError: the outbox is in use by another process, or cannot be written.
    """

    def __init__(self, settings: MqttSettings, database: Path) -> None:
        self._database = database.resolve()
        self._every_s = settings.every_s
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._flush_s = FLUSH_S
        device = device_name(settings)
        self._outbox = Outbox(outbox_path(self._database), device)
        try:
            self.broker = Broker(settings, f"hemato-edge-{device}-{self._outbox.epoch}", self._wake.set)
        except BaseException:  # whatever it was: tidied up, and raised again
            self._outbox.close()
            raise
        self._filler = Filler(self._outbox, settings.outbox_limit, with_label=settings.send_label)
        self._under_way: dict[int, int] = {}
        self._paused_until = 0.0
        self._troubles: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self.waiting = self._outbox.waiting()
        self.sent = 0
        self._filled = False

    def start(self) -> None:
        """Start publishing; returns at once, whatever the broker does."""
        self._thread.start()
        self.broker.start()

    @property
    def idle(self) -> bool:
        """Whether the broker is connected and has acknowledged everything that the store held at the last check."""
        return self.broker.connected and self._filled and self.waiting == 0

    @property
    def trouble(self) -> str | None:
        """The current publishing problem in one sentence; None if there is none."""
        return self.broker.trouble or next(iter(self._troubles.values()), None)

    def stop(self, flush_s: float = FLUSH_S) -> bool:
        """Send pending messages if connected, for at most `flush_s` seconds, then stop.

        Returns:
            Whether the broker has acknowledged everything.
        """
        self._flush_s = flush_s
        self._stop.set()
        self._wake.set()
        self._thread.join(flush_s + 2 * GOODBYE_S)
        return not self._thread.is_alive() and self.waiting == 0

    def _run(self) -> None:
        try:
            with self._outbox:
                self._work()
        except Exception:  # whatever it was, no count may suffer from it
            log.exception("sending has ended; counting goes on")
        finally:
            self.broker.close(GOODBYE_S)

    def _work(self) -> None:
        look_at = renew_at = 0.0
        was_connected = False
        while not self._stop.is_set():
            now, connected = time.monotonic(), self.broker.connected
            if connected and not was_connected:
                look_at = renew_at = now
            was_connected = connected
            if now >= look_at:
                renew = connected and now >= renew_at
                look_at = now + self._fill(renew=renew)
                renew_at = now + self._every_s if renew else renew_at
            self._exchange()
            self._wake.wait(max(0.0, look_at - time.monotonic()))
            self._wake.clear()
        self._fill(renew=self.broker.connected)
        deadline = time.monotonic() + self._flush_s
        while self._exchange() and self.broker.connected and time.monotonic() < deadline:
            self._wake.wait(max(0.0, deadline - time.monotonic()))
            self._wake.clear()

    def _fill(self, *, renew: bool) -> float:
        """Copy new data into the outbox; returns the seconds until the next check."""
        try:
            with Reader(self._database) as reader:
                whole = self._filler.fill(reader, renew=renew)
            self.waiting = self._outbox.waiting()
        except StoreError as error:
            self._say("store", str(error))
            return TROUBLED_S
        self._troubles.pop("store", None)
        self._filled = whole
        return min(self._every_s, LOOK_S) if whole or not self.broker.connected else CROWDED_S

    def _exchange(self) -> int:
        """Remove acknowledged messages and send pending ones; returns the number left."""
        try:
            self._take_answers()
            if self.broker.connected and time.monotonic() >= self._paused_until:
                self._send()
            self.waiting = self._outbox.waiting()
        except StoreError as error:
            self._say("outbox", str(error))
        else:
            self._troubles.pop("outbox", None)
        return self.waiting

    def _take_answers(self) -> None:
        acknowledged = []
        while not self.broker.answers.empty():
            number, refused = self.broker.answers.get()
            message = self._under_way.pop(number, None)
            if message is None:  # the device's own state
                continue
            if refused is None:
                acknowledged.append(message)
            else:
                self._paused_until = time.monotonic() + RETRY_S
                self._say("broker", f"{self.broker.name} refused a message: {refused}. Check this user's rights there.")
        if acknowledged:
            self._troubles.pop("broker", None)
            self._outbox.acknowledge(acknowledged)
            self.sent += len(acknowledged)

    def _send(self) -> None:
        ready = [m for m in self._outbox.next(IN_FLIGHT) if m.number not in self._under_way.values()]
        if ready:
            self._outbox.hand_over(ready)
        for message in ready:
            self._under_way[self.broker.send(message)] = message.number

    def _say(self, where: str, trouble: str) -> None:
        """Log a problem once, until it is solved or another one occurs."""
        if trouble != self._troubles.get(where):
            log.warning("%s Counting goes on; counts wait.", trouble)
        self._troubles[where] = trouble
