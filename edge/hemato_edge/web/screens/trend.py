"""The trend of a class: its share in one session after the other, with the 95 % interval of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.labels import BY_NAME, LEUKOCYTES
from hemato_edge.web.pages import render_page, services_of
from hemato_edge.web.security.access import Refused
from hemato_edge.web.sources.tally import Intervals, tally_of

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

MOST_POINTS = 30
"""Sessions that are drawn, the newest ones."""
STEP = 20
"""Of the drawing, in its own units, from one session to the next; 100 of them are 100 %."""


@dataclass(frozen=True, slots=True)
class Point:
    """One class in one session: percent of the classified white cells, with its 95 % interval.

    Attributes:
        session: its number; label and start beside it.
        x: where it is drawn.
        classified: white cells with a class.
    """

    session: int
    label: str
    started: datetime
    x: float
    classified: int
    percent: float
    low: float
    high: float


def trend_page(request: Request) -> Response:
    """`GET /trend?label=CLASS&search=…`: sessions whose label has `search` in it, the oldest first."""
    label = request.query_params.get("label", LEUKOCYTES[0])
    if label not in LEUKOCYTES:
        raise Refused(400, "There is no such class of white cells.", f"Ask for one of {', '.join(LEUKOCYTES)}.")
    search = request.query_params.get("search", "")[:200].strip()
    points = _points(request, label, search.lower())
    top = max((point.high for point in points), default=10.0)
    return render_page(
        request,
        "trend.html",
        points=points,
        label=label,
        search=search,
        labels=LEUKOCYTES,
        top=min(100.0, 10 * (int(top / 10) + 1)),
        reference=BY_NAME[label].reference,
        step=STEP,
    )


def _points(request: Request, label: str, search: str) -> list[Point]:
    found: list[Point] = []
    with services_of(request).reader() as reader:
        for record in reversed(reader.sessions()):
            if search not in record.label.lower() or len(found) == MOST_POINTS:
                continue
            tally = tally_of(record, reader.totals(record.id), Intervals())
            key = next(one for one in tally.keys if one.label == label)
            if key.percent is None or key.low is None or key.high is None:
                continue
            told = (record.id, record.label, record.started_utc)
            found.append(Point(*told, 0.0, tally.classified, key.percent, key.low, key.high))
    return [
        Point(p.session, p.label, p.started, STEP * (i + 0.5), p.classified, p.percent, p.low, p.high)
        for i, p in enumerate(reversed(found))
    ]
