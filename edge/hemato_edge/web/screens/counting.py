"""The count screen: before a session, while it counts, and the commands that it sends to the door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hemato_edge.door.commands import COUNTING, MAX_LABEL, MAX_NOTE, MAX_TARGET, WAITING, Note, Start, Stop
from hemato_edge.errors import StoreError
from hemato_edge.web.pages import device_of, form_number, form_text, json_answer, redirect_to, render_page, services_of
from hemato_edge.web.screens.microscope import profiles
from hemato_edge.web.sources.tally import Intervals, Tally, tally_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from hemato_edge.door.commands import Command

TARGETS = (50, 100, 200, 500, 0)
"""White cells to count that are offered; CLSI H20-A2 asks for 200 a reader. 0: no end."""
USUAL_TARGET = 100
"""Offered first where `counting.target` says nothing."""
NOTES = ("patient moved", "slide changed", "artefacts here", "clumped platelets", "smudge cells", "missed here")
"""Notes that are offered."""
RECENT_LABELS = 5


def main_page(request: Request) -> Response:
    """`GET /`: what belongs to the state of the run."""
    services = services_of(request)
    state = services.changes.state()
    tally = last_tally(request)
    if state["phase"] == WAITING:
        used, usual = state.get("profile"), state.get("target") or USUAL_TARGET
        there = profiles(request)[0]["profiles"]
        known = next((one for one in there if one["name"] == used and not one["fault"]), None)
        return render_page(
            request,
            "before.html",
            state=state,
            tally=tally,
            targets=sorted({*TARGETS, usual}, key=lambda target: target or MAX_TARGET),
            usual=usual,
            labels=_recent(request),
            used=used,
            objective=known,
        )
    running = state["phase"] == COUNTING
    return render_page(request, "count.html", state=state, tally=tally, running=running, notes=NOTES)


def start(request: Request) -> Response:
    """`POST /session/start`: begins a session with `label` and `target`."""
    command = Start(form_text(request, "label", MAX_LABEL), form_number(request, "target", 0, MAX_TARGET))
    return _done(request, _ask(request, command))


def stop(request: Request) -> Response:
    """`POST /session/stop`: ends the session in order."""
    return _done(request, _ask(request, Stop()))


def note(request: Request) -> Response:
    """`POST /session/note`: records `text` with the session."""
    return _done(request, _ask(request, Note(form_text(request, "text", MAX_NOTE))))


def last_tally(request: Request) -> Tally | None:
    """The numbers of the last session; None where nothing is recorded."""
    try:
        with services_of(request).reader() as reader:
            record = reader.session()
            return tally_of(record, reader.totals(record.id), Intervals())
    except StoreError:
        return None


def _recent(request: Request) -> list[str]:
    """The labels that were used last, each once."""
    try:
        with services_of(request).reader() as reader:
            labels = [record.label for record in reversed(reader.sessions()) if record.label]
    except StoreError:
        return []
    return list(dict.fromkeys(labels))[:RECENT_LABELS]


def _ask(request: Request, command: Command) -> Mapping[str, Any]:
    """Ask at the door in the device's name; the page's `key` makes a repeated request the same one."""
    return (
        services_of(request).commands.ask(command, form_text(request, "key", 64) or None, device_of(request).name).told
    )


def _done(request: Request, told: Mapping[str, Any]) -> Response:
    """Back to the count screen for a form; the answer itself for a script."""
    return redirect_to("/") if "text/html" in request.headers.get("accept", "") else json_answer(told)
