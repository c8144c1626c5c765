"""Server-sent events: counts as soon as they are on disk, the run's state, sessions that begin and end."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from hemato_edge.web.pages import render, services_of
from hemato_edge.web.security.access import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from hemato_edge.web.sources.changes import ChangeWatcher, Moment
    from hemato_edge.web.sources.tally import Tally

MOST_LISTENERS = 16
RETRY_MS = 2000


async def events(request: Request) -> Response:
    """`GET /events`: named events `counts` (a piece of the count screen), `numbers`, `state`."""
    changes = services_of(request).changes
    if changes.listeners >= MOST_LISTENERS:
        raise Refused(503, "Too many listen.", "Close a page that is not used.")
    return StreamingResponse(_lines(request, changes), media_type="text/event-stream")


async def _lines(request: Request, changes: ChangeWatcher) -> AsyncIterator[str]:
    await changes.start()
    try:
        yield f"retry: {RETRY_MS}\n\n"
        told: Tally | None = None
        said: dict[str, Any] | None = None
        moment: Moment | None = changes.now
        turn = changes.now.turn
        while True:
            if moment is None:
                yield ": still here\n\n"
            else:
                if moment.state != said:
                    said = moment.state
                    yield _event("state", json.dumps(said), moment.version)
                if moment.tally != told:
                    told = moment.tally
                    piece = await run_in_threadpool(render, request, "tally.html", tally=told)
                    yield _event("counts", piece, moment.version)
                    yield _event("numbers", json.dumps(None if told is None else _numbers(told)), moment.version)
            turn = turn if moment is None else moment.turn
            moment = await changes.after(turn)
    finally:
        await changes.stop()


def _numbers(tally: Tally) -> dict[str, Any]:
    """The numbers for sound, speech and titles."""
    told = asdict(tally)
    return {**told, "keys": {key.label: key.count for key in tally.keys}}


def _event(name: str, content: str, version: int) -> str:
    data = "".join(f"data: {line}\n" for line in content.splitlines() or [""])
    return f"id: {version}\nevent: {name}\n{data}\n"
