"""The newest picture of each size, asked for at the door once for all who look on."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from hemato_edge.door.commands import WIDTHS, Picture

if TYPE_CHECKING:
    from hemato_edge.door.client import DoorClient
    from hemato_edge.door.messages import Answer

MOST_A_SECOND = 10
SIZES = 2
"""Sizes that are made at the same time; who asks for another gets the nearest of these."""
SIZE_KEPT_S = 2.0
LONGEST_WAIT_S = 3.0


class FrameFeed:
    """The newest picture of each size. Its methods run in the event loop.

    Args:
        door: a connection for pictures alone, as they are waited for.
    """

    def __init__(self, door: DoorClient) -> None:
        self._door = door
        self._newest: dict[int, Answer] = {}
        self._asking: dict[int, asyncio.Task[Answer]] = {}
        self._asked_s: OrderedDict[int, float] = OrderedDict()
        self._pulled_s: dict[int, float] = {}
        self.watchers = 0

    async def next(self, after: int, width: int) -> Answer | None:
        """The picture after number `after`, as soon as it is there; None if none came in 3 s.

        A number from an earlier run, larger than any of this one's, counts as 0.

        Raises:
            DoorError: nobody answers at the door.
        """
        width = self._size(width)
        deadline = time.monotonic() + LONGEST_WAIT_S
        while True:
            newest = self._newest.get(width)
            fresh = newest is not None and time.monotonic() - self._pulled_s.get(width, 0.0) < SIZE_KEPT_S
            if newest is not None and fresh and newest.told["seq"] != after:
                return newest
            if time.monotonic() >= deadline:
                return None
            task = self._asking.get(width)
            if task is None:
                task = self._asking[width] = asyncio.create_task(self._pull(width))
            await asyncio.wait({task}, timeout=max(0.0, deadline - time.monotonic()))
            if task.done() and task.exception() is not None:
                raise task.exception() or AssertionError

    def close(self) -> None:
        """Hang up."""
        self._door.close()

    def _size(self, width: int) -> int:
        """The size to ask for: the nearest step, or, where two are made already, the nearest of these."""
        now = time.monotonic()
        for old in [size for size, asked_s in self._asked_s.items() if now - asked_s > SIZE_KEPT_S]:
            del self._asked_s[old]
            self._newest.pop(old, None)
        wanted = min((size for size in WIDTHS if size >= width), default=WIDTHS[-1])
        if wanted not in self._asked_s and len(self._asked_s) >= SIZES:
            wanted = min(self._asked_s, key=lambda size: abs(size - wanted))
        self._asked_s[wanted] = now
        return wanted

    async def _pull(self, width: int) -> Answer:
        """Ask the door for one picture; at most ten a second."""
        try:
            wait_s = self._pulled_s.get(width, float("-inf")) + 1 / MOST_A_SECOND - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            last = self._newest.get(width)
            after = 0 if last is None else last.told["seq"]
            answer = await run_in_threadpool(self._door.ask, Picture(after, width))
            if not answer.jpeg and last is not None:
                self._newest.pop(width, None)  # the run may have begun anew, and counts from 1 again
            if answer.jpeg:
                self._newest[width], self._pulled_s[width] = answer, time.monotonic()
            return answer
        finally:
            self._asking.pop(width, None)
