"""Verifying a microscope step by step: cells are named one by one without the program's answer; then its figures.

The page reads the store and asks at the door for each name and for the figures, which are kept in the calibration
profile of the microscope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from hemato_edge.door.commands import MAX_PROFILE, MAX_WHO, Relabel, Undo, Verification, Verify
from hemato_edge.errors import CalibrationError, StoreError
from hemato_edge.labels import ARTEFACT, CLASSIFIER_LABELS, REVIEW_LABELS, UNCLASSIFIED
from hemato_edge.site.asking import cells_to_name
from hemato_edge.site.sessions import profile_of, sessions_of_site
from hemato_edge.site.verification import LEAST_CELLS, MOST_CELLS
from hemato_edge.web.pages import (
    device_of,
    form_number,
    form_text,
    json_answer,
    query_number,
    redirect_to,
    render_page,
    services_of,
)
from hemato_edge.web.screens.microscope import ask, await_run
from hemato_edge.web.security.access import Missing, Refused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from hemato_edge.site.cells import SiteCell
    from hemato_edge.store.records import SessionRecord

WANTED = (50, 100, 200)
"""Cells to name that are offered."""
_USUAL = 100


def begin(request: Request) -> Response:
    """`GET /verify?profile=P`: what will be asked, who reads, and how many cells."""
    profile = _profile(request)
    try:
        with services_of(request).reader() as reader:
            records = reader.sessions()
    except StoreError:
        records = []
    own = any(profile_of(record) == profile for record in records)
    nameless = 0 if own else sum(profile_of(record) is None for record in records)
    return render_page(
        request,
        "verify.html",
        profile=profile,
        own=own,
        nameless=nameless,
        wanted=WANTED,
        usual=_USUAL,
        reader=request.query_params.get("by", device_of(request).person)[:MAX_WHO],
    )


def question(request: Request) -> Response:
    """`GET /verify/cell?profile=P&by=R&wanted=N`: one cell to name; the end where none is left."""
    walk = _walk(request)
    cells, named = _asked(request, walk)
    return render_page(
        request,
        "verify_cell.html" if cells else "verify_done.html",
        walk=walk,
        cell=_told(cells[0]) if cells else None,
        named=named,
        total=named + len(cells),
        least=LEAST_CELLS,
        labels=REVIEW_LABELS,
        last=query_number(request, "last"),
    )


def cells(request: Request) -> Response:
    """`GET /verify/cells?…`: the cells to name, in their order, without the program's answers."""
    asked, named = _asked(request, _walk(request))
    return json_answer({"cells": [_told(cell) for cell in asked], "named": named})


def name(request: Request) -> Response:
    """`POST /verify/name`: the reader `by` calls a cell `label`."""
    label, by = form_text(request, "label", 40), form_text(request, "by", MAX_WHO)
    if label not in REVIEW_LABELS:
        raise Refused(400, f"{label!r} is no class of cells.", f"Use one of {', '.join(REVIEW_LABELS)}.")
    cell = form_number(request, "session"), form_number(request, "field"), form_number(request, "cell")
    told = ask(request, Relabel(*cell, label, by or device_of(request).who))
    if "text/html" not in request.headers.get("accept", ""):
        return json_answer({"named": told["label"]})  # what it was called before is the program's answer
    return redirect_to(_next(request, cell[0]))


def undo(request: Request) -> Response:
    """`POST /verify/undo`: takes the last name in `session` back."""
    session = form_number(request, "session")
    told = ask(request, Undo(session, form_text(request, "by", MAX_WHO) or device_of(request).who))
    if "text/html" not in request.headers.get("accept", ""):
        undone = told["undone"]
        return json_answer({"undone": undone and {"field": undone["field"], "cell": undone["cell"]}})
    return redirect_to(_next(request, 0))


def reckon(request: Request) -> Response:
    """`POST /verify`: the figures, kept in the profile; then they are shown."""
    profile = form_text(request, "profile", MAX_PROFILE)
    told = ask(request, Verify(profile, form_number(request, "unnamed", 0, 1)))
    await_run(services_of(request))  # it begins anew, so that the next session is recorded under it
    if "text/html" not in request.headers.get("accept", ""):
        return json_answer(told)
    return redirect_to(f"/verify/result?{urlencode({'profile': profile})}")


def result(request: Request) -> Response:
    """`GET /verify/result?profile=P`: what the profile keeps of the verification."""
    profile = _profile(request)
    found = ask(request, Verification(profile)).get("verification")
    if found is None:
        raise Missing("This microscope is not verified.", "Name its cells first.")
    return render_page(request, "verify_result.html", profile=profile, found=found, confused=list(_confused(found)))


def _confused(found: dict[str, Any]) -> list[tuple[str, str, int]]:
    """What was called something else: truth, answer and how often, the most frequent first."""
    pairs = [
        (truth, answer, count)
        for truth, row in zip((*CLASSIFIER_LABELS, ARTEFACT), found["counted"], strict=True)
        for answer, count in zip((*CLASSIFIER_LABELS, UNCLASSIFIED), row, strict=True)
        if count and answer not in (truth, UNCLASSIFIED)
    ]
    return sorted(pairs, key=lambda pair: -pair[2])


def _profile(request: Request) -> str:
    profile = request.query_params.get("profile", "")
    if not profile or len(profile) > MAX_PROFILE:
        raise Missing("No microscope is named.", "Choose one under Microscope.")
    return profile


def _walk(request: Request) -> dict[str, Any]:
    """What stays the same from one question to the next."""
    by = request.query_params.get("by", "").strip()
    if len(by) > MAX_WHO or not by.isprintable():
        raise Refused(400, f"A reader's name has up to {MAX_WHO} characters.")
    wanted = query_number(request, "wanted", _USUAL)
    return {
        "profile": _profile(request),
        "by": by or device_of(request).who,
        "wanted": min(max(wanted, LEAST_CELLS), MOST_CELLS),
        "unnamed": min(query_number(request, "unnamed"), 1),
    }


def _asked(request: Request, walk: dict[str, Any]) -> tuple[list[SiteCell], int]:
    """The cells to name, and how many this reader has named.

    Raises:
        Missing: nothing was counted behind this microscope.
    """
    with services_of(request).reader() as reader:
        records = _sessions(reader.sessions(), walk)
        return cells_to_name(reader, records, walk["wanted"], walk["by"])


def _sessions(records: list[SessionRecord], walk: dict[str, Any]) -> list[SessionRecord]:
    nameless = [record.id for record in records if profile_of(record) is None] if walk["unnamed"] else []
    try:
        chosen, _ = sessions_of_site(records, walk["profile"], nameless)
    except CalibrationError as error:
        raise Missing("Nothing was counted behind this microscope yet.", "Count a slide with it first.") from error
    return chosen


def _told(cell: SiteCell) -> dict[str, Any]:
    """Which cell, and its picture; nothing of what the program said."""
    return {
        "session": cell.session,
        "field": cell.field,
        "cell": cell.number,
        "picture": f"/cell/{cell.session}/{cell.field}/{cell.number}",
    }


def _next(request: Request, last: int) -> str:
    """The address of the next question."""
    walk = {key: form_text(request, key, MAX_WHO) for key in ("profile", "by", "wanted", "unnamed")}
    return f"/verify/cell?{urlencode(walk | {'last': last})}"
