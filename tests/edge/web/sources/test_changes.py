"""What tells listeners of changes, under the hands of many who come and go."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from recorded_sessions import recorded
from waiting import DEADLINE_S

from hemato_edge.door.client import DoorClient
from hemato_edge.web.sources import changes as module
from hemato_edge.web.sources.changes import SHUT, ChangeWatcher


def test_a_store_that_appears_later_is_read_and_nobody_at_the_door_is_said(tmp_path: Path) -> None:
    async def listen() -> None:
        changes = ChangeWatcher(tmp_path / "x.db", DoorClient(tmp_path / "d.sock"))
        await changes.start()
        assert changes.now.tally is None
        assert changes.now.state["phase"] == SHUT["phase"]
        assert "run --wait" in changes.now.state["fix"]
        turn = changes.now.turn
        await asyncio.to_thread(recorded, tmp_path / "x.db")
        while changes.now.tally is None or changes.now.tally.session != 2:
            moment = await changes.after(turn, 60)
            assert moment is not None
            turn = moment.turn
        await changes.stop()
        changes.close()

    asyncio.run(listen())


def test_a_listener_that_leaves_while_it_waits_leaves_nothing_behind(tmp_path: Path) -> None:
    async def come_and_go() -> None:
        changes = ChangeWatcher(tmp_path / "x.db", DoorClient(tmp_path / "d.sock"))
        await changes.start()
        turn = changes.now.turn
        leaving = [asyncio.create_task(changes.after(turn, 60)) for _ in range(8)]
        staying = asyncio.create_task(changes.after(turn, 60))
        await asyncio.sleep(0)
        for one in leaving:
            one.cancel()
        left = await asyncio.gather(*leaving, return_exceptions=True)
        assert {type(one) for one in left} == {asyncio.CancelledError}
        await asyncio.to_thread(recorded, tmp_path / "x.db")
        moment = await staying
        assert moment is not None
        assert moment.turn != turn
        assert await changes.after(moment.turn, 0) is None or changes.now.turn != moment.turn
        await changes.stop()
        changes.close()

    asyncio.run(come_and_go())


def test_the_connection_is_used_by_one_thread_at_a_time_and_not_closed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listener that leaves does not end the thread that reads for it."""
    recorded(tmp_path / "x.db")
    inside, most, lock = [0], [0], threading.Lock()
    real = module.tally_of

    def watched(*arguments: object) -> object:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        threading.Event().wait(0.02)
        with lock:
            inside[0] -= 1
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "tally_of", watched)
    changes = ChangeWatcher(tmp_path / "x.db", DoorClient(tmp_path / "d.sock"))
    readers = [threading.Thread(target=changes._read) for _ in range(6)]
    for one in readers:
        one.start()
    changes.close()
    for one in readers:
        one.join(DEADLINE_S)
    assert most[0] <= 1
    assert changes._read() == (changes.now.version, changes.now.tally), "it reads nothing more after its end"
