"""The JSON API under `/api/v1`: sessions, reports, cells, pictures from outside; the page's tokens and roles.

A program says `Authorization: Bearer TOKEN`; `hemato-edge web token` makes one. What is there is described by
`/api/v1/openapi.json`, which `openapi.py` makes from `ENDPOINTS`. Keys are only ever added within v1.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from hemato_edge.errors import StoreError
from hemato_edge.labels import REVIEW_LABELS
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.json_document import as_data, document
from hemato_edge.views.report.model import Report
from hemato_edge.web.api.openapi import Endpoint, Parameter, openapi
from hemato_edge.web.api.values import Cell, Cells, Judged, JudgedPictures, Run, SessionLine, Sessions
from hemato_edge.web.pages import query_number, recorded, services_of
from hemato_edge.web.screens.pictures import UPLOAD, judged
from hemato_edge.web.screens.review import portrait
from hemato_edge.web.security.access import Missing, Page, Refused, Role
from hemato_edge.web.sources.picture_jobs import MOST_FILES
from hemato_edge.web.sources.tally import Intervals, tally_of

if TYPE_CHECKING:
    from starlette.requests import Request

BASE = "/api/v1"
MOST_SESSIONS, MOST_CELLS = 100, 500
"""In one answer."""


def description(request: Request) -> Response:
    """This document: OpenAPI 3.1."""
    return JSONResponse(openapi(ENDPOINTS))


def run(request: Request) -> Response:
    """What the run on this device does."""
    state = services_of(request).changes.state()
    camera = state.get("camera") or {}
    return _answer(Run(state["phase"], state.get("session"), state.get("target") or None, camera.get("state")))


def sessions(request: Request) -> Response:
    """The newest sessions; `before` asks for older ones."""
    before = query_number(request, "before", 2**53)
    try:
        with services_of(request).reader() as reader:
            found = list(islice((one for one in reversed(reader.sessions()) if one.id < before), MOST_SESSIONS + 1))
            lines = [
                SessionLine.of(one, tally_of(one, reader.totals(one.id), Intervals())) for one in found[:MOST_SESSIONS]
            ]
    except StoreError:
        if services_of(request).options.database.exists():
            raise
        lines, found = [], []  # nothing was recorded yet
    return _answer(Sessions(lines, lines[-1].id if len(found) > MOST_SESSIONS else None))


def session(request: Request) -> Response:
    """One session."""
    with services_of(request).reader() as reader:
        record = recorded(reader, _number(request))
        return _answer(SessionLine.of(record, tally_of(record, reader.totals(record.id), Intervals())))


def report(request: Request) -> Response:
    """The report of a session, as `hemato-edge report --json` writes it."""
    with services_of(request).reader() as reader:
        return JSONResponse(document(build_report(reader, recorded(reader, _number(request)).id)))


def cells(request: Request) -> Response:
    """The cells of a session that count; of one class if `name` says so."""
    wanted = request.query_params.get("name", "")
    if wanted and wanted not in REVIEW_LABELS:
        raise Refused(400, f"{wanted[:40]!r} is no class of cells.", f"Ask for one of {', '.join(REVIEW_LABELS)}.")
    skip = query_number(request, "skip")
    with services_of(request).reader() as reader:
        record = recorded(reader, _number(request))
        fitting = (one for one in reader.counted(record.id) if not wanted or one.name == wanted)
        found = list(islice(fitting, skip, skip + MOST_CELLS + 1))
        lines = [
            Cell.of(one, reader.portrait(one.session, one.field, one.number) is not None) for one in found[:MOST_CELLS]
        ]
    return _answer(Cells(record.id, lines, skip + MOST_CELLS if len(found) > MOST_CELLS else None))


def picture(request: Request) -> Response:
    """The kept picture of a cell, as JPEG."""
    return portrait(request)


def pictures(request: Request) -> Response:
    """Judge up to 20 pictures of one cell each, or of a whole field; nothing of them is counted."""
    name, result = judged(request)
    found = [Judged(one["name"], one["answer"]) for one in result["pictures"]]
    return _answer(JudgedPictures(result["kind"], result["seconds"], found, f"/pictures/{name}"))


def _number(request: Request) -> int:
    """The session that is asked for.

    Raises:
        Missing: it is 0, which is none: the page's "the last one" has no place in an address that names a session.
    """
    number = query_number(request, "session")
    if number == 0:
        raise Missing("There is no session 0.", f"`GET {BASE}/sessions` lists them.")
    return number


def _answer(value: Any) -> Response:
    return JSONResponse(as_data(value))


_SESSION = Parameter("session", "path", "integer", "The session's number.")
_CELL = (
    _SESSION,
    Parameter("field", "path", "integer", "The field."),
    Parameter("number", "path", "integer", "The cell."),
)
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(Page("GET", f"{BASE}/openapi.json", description, Role.VIEWER), None),
    Endpoint(Page("GET", f"{BASE}/run", run, Role.VIEWER), Run),
    Endpoint(
        Page("GET", f"{BASE}/sessions", sessions, Role.VIEWER),
        Sessions,
        parameters=(Parameter("before", "query", "integer", "Only sessions of a smaller number."),),
        refusals=(400, 503),
    ),
    Endpoint(
        Page("GET", f"{BASE}/sessions/{{session}}", session, Role.VIEWER),
        SessionLine,
        parameters=(_SESSION,),
        refusals=(400, 404, 503),
    ),
    Endpoint(
        Page("GET", f"{BASE}/sessions/{{session}}/report", report, Role.VIEWER),
        Report,
        parameters=(_SESSION,),
        refusals=(400, 404, 503),
    ),
    Endpoint(
        Page("GET", f"{BASE}/sessions/{{session}}/cells", cells, Role.VIEWER),
        Cells,
        parameters=(
            _SESSION,
            Parameter("name", "query", "string", "Only cells that count as this.", REVIEW_LABELS),
            Parameter("skip", "query", "integer", "Leave so many out at the beginning."),
        ),
        refusals=(400, 404, 503),
    ),
    Endpoint(
        Page("GET", f"{BASE}/sessions/{{session}}/cells/{{field}}/{{number}}/picture", picture, Role.VIEWER),
        None,
        "image/jpeg",
        parameters=_CELL,
        refusals=(400, 404, 503),
    ),
    Endpoint(
        Page(
            "POST",
            f"{BASE}/pictures",
            pictures,
            Role.COUNTER,
            most_bytes=UPLOAD,
            most_files=MOST_FILES,
            rate="classify",
        ),
        JudgedPictures,
        refusals=(400, 409, 413, 415, 422, 503),
    ),
)
"""All of the API; `routes.TABLE` has their pages."""
