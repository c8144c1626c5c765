"""Sends what a database has, until it is killed: DATABASE PORT [die-before-mark | record]."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from recorded import session_start, varied_field, varied_tallies

from hemato_edge.outlets.mqtt.outbox import Message, Outbox
from hemato_edge.outlets.mqtt.publisher import Publisher
from hemato_edge.settings import MqttSettings
from hemato_edge.store.writer import open_writer

database, port, *how = sys.argv[1:]
settings = MqttSettings(host="127.0.0.1", port=int(port), security="none", device="bench-1", every_s=0.1)


class DiesBeforeItMarks(Outbox):
    """An outbox whose process is killed when the broker has acknowledged both messages and nothing is marked yet.

    The two acknowledgements may come apart: the first is remembered, not marked, and its message not offered again.
    """

    acknowledged: frozenset[int] = frozenset()

    def next(self, limit: int) -> list[Message]:
        return [message for message in super().next(limit) if message.number not in self.acknowledged]

    def acknowledge(self, numbers: Sequence[int]) -> None:
        self.acknowledged |= set(numbers)
        if len(self.acknowledged) == 2:
            os.kill(os.getpid(), signal.SIGKILL)


if how == ["die-before-mark"]:
    from hemato_edge.outlets.mqtt import publisher as mqtt

    mqtt.Outbox = DiesBeforeItMarks  # type: ignore[misc]
if how == ["record"]:
    with open_writer(Path(database)) as writer:
        session = writer.start_session(session_start(settings={"mqtt.host": "b"}, monotonic_s=time.monotonic()))
        publisher = Publisher(settings, Path(database))
        publisher.start()
        for index in count():
            writer.commit_field(session, varied_field(index), varied_tallies(index + 1))
            if index == 0:
                sys.stdout.write("counting\n")
                sys.stdout.flush()
            time.sleep(0.02)
publisher = Publisher(settings, Path(database))
publisher.start()
signal.pause()
