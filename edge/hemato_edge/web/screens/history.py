"""What is recorded: the list of sessions, the report of one, its files, and two sessions beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from hemato_edge.errors import ConfigurationError
from hemato_edge.labels import BY_NAME
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.registry import FORMATS
from hemato_edge.views.report.letterhead import letterhead_and_language
from hemato_edge.views.report.model import Letterhead
from hemato_edge.views.report.subtypes.words import subtype_lines
from hemato_edge.views.report.words import warning_lines
from hemato_edge.web.pages import language_for, query_number, recorded, render_page, services_of
from hemato_edge.web.security.access import Missing, Refused
from hemato_edge.web.sources.tally import Intervals, Tally, tally_of

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from hemato_edge.store.reader import Reader

MOST_SESSIONS = 100
"""On one page."""
PRINTED_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-modals"
"""Of the printed report: it holds its style and pictures in itself, and never a script."""
FILES = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "json": ("application/json", "json"),
    "fhir": ("application/fhir+json", "fhir.json"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "text": ("text/plain; charset=utf-8", "txt"),
}
"""Format → media type and ending of the file."""


@dataclass(frozen=True, slots=True)
class Line:
    """One session of the list."""

    id: int
    label: str
    state: str
    started: datetime
    classified: int
    doubtful: int
    target: int | None
    approved: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One class in two sessions: percent with interval in each, and whether the difference is more than chance."""

    label: str
    first: tuple[float | None, float | None, float | None]
    second: tuple[float | None, float | None, float | None]
    shown: bool


def sessions(request: Request) -> Response:
    """`GET /history?search=…&before=N`: the sessions, the newest first."""
    search = request.query_params.get("search", "")[:200].strip().lower()
    before = query_number(request, "before", 2**53)
    with services_of(request).reader() as reader:
        found = [
            record
            for record in reversed(reader.sessions())
            if record.id < before and (search in record.label.lower() or search == str(record.id))
        ]
        lines = []
        for record in found[:MOST_SESSIONS]:
            tally = tally_of(record, reader.totals(record.id), Intervals())
            state = (record.id, record.label, record.state, record.started_utc)
            lines.append(Line(*state, tally.classified, tally.doubtful, tally.target, _approved(reader, record.id)))
    more = lines[-1].id if len(found) > MOST_SESSIONS else 0
    return render_page(request, "history.html", lines=lines, search=search, more=more)


def session(request: Request) -> Response:
    """`GET /sessions/N`: the result of a session, with its files."""
    number = query_number(request, "session")
    with services_of(request).reader() as reader:
        record = recorded(reader, number)
        report = build_report(reader, record.id)
        offered = [name for name in FORMATS if name in FILES]
        return render_page(
            request,
            "session.html",
            record=record,
            report=report,
            warnings=list(warning_lines(report, language_for(request))),
            subtypes=list(subtype_lines(report, language_for(request))),
            tally=tally_of(record, reader.totals(record.id), Intervals()),
            formats=offered,
        )


def printed(request: Request) -> Response:
    """`GET /sessions/N/print`: the report as `report --format html` writes it, in the language of who asks."""
    with services_of(request).reader() as reader:
        session = recorded(reader, query_number(request, "session")).id
        report = build_report(reader, session, letterhead=_letterhead(request))
        page = "".join(_text(piece) for piece in FORMATS["html"].pieces([report], reader, language_for(request)))
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": PRINTED_POLICY})


def quality(request: Request) -> Response:
    """`GET /qc`: quality over time as `qc --format html` writes it."""
    from hemato_edge.quality_control.overview import overview
    from hemato_edge.views.quality_control.page import page

    with services_of(request).reader() as reader:
        made = page(overview(reader), language_for(request))
    return Response(made, media_type="text/html", headers={"Content-Security-Policy": PRINTED_POLICY})


def file(request: Request) -> Response:
    """`GET /sessions/N/file/FORMAT`: the report in a format for other programs."""
    wanted = str(request.path_params["format"])
    if wanted not in FILES or wanted not in FORMATS:
        raise Missing("There is no such format.", f"There is {', '.join(name for name in FORMATS if name in FILES)}.")
    number = query_number(request, "session")
    with services_of(request).reader() as reader:
        report = build_report(reader, recorded(reader, number).id, letterhead=_letterhead(request))
        pieces = FORMATS[wanted].pieces([report], reader, language_for(request))
        content = b"".join(map(_bytes, pieces))
    media_type, ending = FILES[wanted]
    named = {"Content-Disposition": f'attachment; filename="session-{number}.{ending}"'}
    return Response(content, media_type=media_type, headers=named)


def compare(request: Request) -> Response:
    """`GET /compare?first=N&second=M`: two sessions beside each other."""
    numbers = query_number(request, "first"), query_number(request, "second")
    if 0 in numbers:
        raise Refused(400, "Two sessions are compared.", "Choose them in the history.")
    with services_of(request).reader() as reader:
        records = [recorded(reader, number) for number in numbers]
        tallies = [tally_of(record, reader.totals(record.id), Intervals()) for record in records]
    return render_page(request, "compare.html", records=records, tallies=tallies, rows=list(_differences(*tallies)))


def _differences(first: Tally, second: Tally) -> list[Difference]:
    """Class by class. A difference is shown where the 95 % intervals lie apart: stricter than a test at 5 %."""
    others = {key.label: key for key in second.keys}
    rows = []
    for key in first.keys:
        other = others.get(key.label)
        if other is None or (key.percent is None and other.percent is None):
            continue
        apart = (
            None not in (key.low, key.high, other.low, other.high)
            and first.classified > 0
            and second.classified > 0
            and bool((key.low or 0) > (other.high or 0) or (other.low or 0) > (key.high or 0))
        )
        ours, theirs = (key.percent, key.low, key.high), (other.percent, other.low, other.high)
        rows.append(Difference(BY_NAME[key.label].name, ours, theirs, apart))
    return rows


def _letterhead(request: Request) -> Letterhead:
    """What the laboratory prints on its reports; nothing where the settings cannot be read."""
    try:
        return letterhead_and_language(services_of(request).options.config)[0]
    except ConfigurationError:  # the count goes on without settings that are right, and so does its report
        return Letterhead()


def _approved(reader: Reader, session: int) -> bool:
    found = reader.approval(session)
    return found is not None and not found.overtaken


def _text(piece: Any) -> str:
    return piece.decode() if isinstance(piece, bytes) else str(piece)


def _bytes(piece: Any) -> bytes:
    return piece if isinstance(piece, bytes) else str(piece).encode()
