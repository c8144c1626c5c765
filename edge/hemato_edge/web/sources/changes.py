"""What has changed, told to all who listen: the counts on disk, the run's state.

While somebody listens, SQLite is asked four times a second whether its data have another version; on a change the
numbers are read once for all who listen. Nobody listens: nothing is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from hemato_edge.door.commands import State
from hemato_edge.door.messages import DoorError
from hemato_edge.errors import StoreError
from hemato_edge.store.reader import Reader
from hemato_edge.web.sources.device_status import DeviceStatus
from hemato_edge.web.sources.tally import Intervals, Tally, tally_of

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.door.client import DoorClient

ASK_EVERY_S = 0.25
DOOR_EVERY_S = 1.0
QUIET_S = 15.0
"""A listener is told that nothing happened after so long, so that nothing in between hangs up."""
SHUT: dict[str, Any] = {"phase": "shut", "session": None, "camera": None, "verdict": None, "warnings": []}
"""The state where nobody answers at the door."""


@dataclass(slots=True)
class Moment:
    """What is known now.

    Attributes:
        version: SQLite's data version; counts the changes of the store.
        tally: the numbers of the session that is looked at; None without one.
        state: what the door said last.
        turn: counts the changes of any of it.
    """

    version: int = 0
    tally: Tally | None = None
    state: dict[str, Any] = field(default_factory=lambda: dict(SHUT))
    turn: int = 0


class ChangeWatcher:
    """Asks while somebody listens, and wakes all who do. Its methods run in the event loop, unless they say otherwise.

    Args:
        database: the store's file; it need not be there yet.
        door: a connection of its own.
    """

    def __init__(self, database: Path, door: DoorClient) -> None:
        self._database = database
        self._door = door
        self._board = DeviceStatus(database)
        self._reader: Reader | None = None
        self._reading = threading.Lock()
        self._closed = False
        self._intervals = Intervals()
        self._changed = asyncio.Event()  # of the next change; a listener that leaves holds no lock of it
        self._task: asyncio.Task[None] | None = None
        self._asked_door_s = float("-inf")
        self.now = Moment()
        self.listeners = 0

    async def start(self) -> None:
        """Somebody listens."""
        self.listeners += 1
        if self._task is None:
            await self._beat()
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Somebody listens no more."""
        self.listeners -= 1
        if self.listeners == 0 and self._task is not None:
            self._task.cancel()
            self._task = None

    async def after(self, turn: int, timeout_s: float = QUIET_S) -> Moment | None:
        """The moment after `turn`, as soon as something has changed; None if nothing did."""
        if self.now.turn == turn:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), timeout_s)
        return self.now if self.now.turn != turn else None

    def state(self) -> dict[str, Any]:
        """What the door says; `SHUT`, with why, where nobody answers. In any thread."""
        try:
            return dict(self._door.ask(State()).told) | self._board.told()
        except DoorError as error:
            return SHUT | self._board.told() | {"why": error.message, "fix": error.fix}

    def close(self) -> None:
        """Let go of the store and the door."""
        self._door.close()
        with self._reading:
            self._closed = True
            self._let_go()

    def _let_go(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            await self._beat()

    async def _beat(self) -> None:
        """Ask once, and wake those who wait if anything is new."""
        before = (self.now.version, self.now.tally, self.now.state)
        now = time.monotonic()
        state = self.now.state
        if now - self._asked_door_s >= DOOR_EVERY_S:
            self._asked_door_s = now
            state = await run_in_threadpool(self.state)
        version, tally = await run_in_threadpool(self._read)
        if (version, tally, state) != before:
            self.now = Moment(version, tally, state, self.now.turn + 1)
            told, self._changed = self._changed, asyncio.Event()
            told.set()

    def _read(self) -> tuple[int, Tally | None]:
        """The store's version, and the numbers of its last session; in one thread at a time.

        A listener that leaves cancels the task that waits for this, and not the thread that does it: the next one's
        would otherwise use the same connection, or close it under its hands.
        """
        with self._reading:
            return self._read_anew()

    def _read_anew(self) -> tuple[int, Tally | None]:
        """What has not changed is not read again."""
        try:
            if self._closed:
                return self.now.version, self.now.tally
            if self._reader is None:
                self._reader = Reader(self._database)
            version = self._reader.data_version()
            old = self.now.tally
            if version == self.now.version and old is not None and not old.stale and old.state != "running":
                return version, old
            if version == self.now.version and old is not None and not old.stale and self._still_runs(old):
                return version, old
            record = self._reader.session()
            return version, tally_of(record, self._reader.totals(record.id), self._intervals)
        except StoreError:
            self._let_go()
            return 0, None

    def _still_runs(self, tally: Tally) -> bool:
        """Whether the process of a running session lives; asked by the lock, as no row changes when it is killed."""
        return self._reader is not None and self._reader.session(tally.session).state == tally.state
