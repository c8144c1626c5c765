"""Review: cells one by one or in a gallery, named by a person at the door; the differential follows.

The page reads the store and asks at the door for each change, so that one writer alone writes, also while it counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from hemato_edge.door.commands import MAX_LABEL, Approve, Relabel, Undo
from hemato_edge.labels import BY_NAME, CLASSIFIER_LABELS, REVIEW_LABELS, UNCLASSIFIED
from hemato_edge.languages import words_of
from hemato_edge.morphology import phrases
from hemato_edge.web.pages import (
    device_of,
    form_number,
    form_text,
    json_answer,
    language_for,
    query_number,
    recorded,
    redirect_to,
    render_page,
    services_of,
)
from hemato_edge.web.security.access import Missing, Refused
from hemato_edge.web.sources.tally import Intervals, tally_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from hemato_edge.door.commands import Command
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import CellRecord, SessionRecord

DOUBT, UNNAMED, NAMED, ALL = "doubt", "unnamed", "named", "all"
"""Lists: without a class, and nobody has named it; nobody has named it; somebody has; all."""
MOST_CELLS = 400
"""Of one list; a slide of 400 white cells is shown whole."""
NEWEST = 8
"""Cells that were counted last, beside the live picture."""
REFERENCES = 10
"""The surest cells of a class beside the one in question."""
_LISTS = (DOUBT, UNNAMED, NAMED, ALL, *REVIEW_LABELS)
GUESSES = 3
"""Likeliest names that get a large button."""


def one_by_one(request: Request) -> Response:
    """`GET /review?session=N&show=doubt|unnamed|named|all|CLASS&at=I`: one cell, large."""
    with services_of(request).reader() as reader:
        record = _session(request, reader)
        cells = _listed(reader, record, _shown(request))
        at = min(query_number(request, "at"), max(len(cells) - 1, 0))
        cell = cells[at] if cells else None
        return render_page(
            request,
            "review.html",
            record=record,
            shown=_shown(request),
            shows=_LISTS,
            cell=None if cell is None else _as_json(request, reader, cell),
            at=at,
            count=len(cells),
            guesses=_guesses(cell),
            labels=REVIEW_LABELS,
            changed=reader.changed(record.id),
            tally=tally_of(record, reader.totals(record.id), Intervals()),
        )


def gallery(request: Request) -> Response:
    """`GET /review/gallery?session=N`: the cells class by class, the least certain first."""
    with services_of(request).reader() as reader:
        record = _session(request, reader)
        cells = sorted(_some(reader.counted(record.id)), key=lambda cell: cell.confidence)
        groups = {
            label: [_as_json(request, reader, one) for one in cells if one.name == label] for label in REVIEW_LABELS
        }
        return render_page(
            request,
            "gallery.html",
            record=record,
            groups={label: found for label, found in groups.items() if found},
            labels=REVIEW_LABELS,
            tally=tally_of(record, reader.totals(record.id), Intervals()),
        )


def newest(request: Request) -> Response:
    """`GET /review/newest?session=N`: the cells that were counted last, as a piece of the count screen."""
    with services_of(request).reader() as reader:
        record = _session(request, reader)
        cells = [_as_json(request, reader, cell) for cell in reader.newest(record.id, NEWEST)]
        return render_page(request, "newest.html", cells=cells)


def listed(request: Request) -> Response:
    """`GET /review/cells`: the list of the one-by-one view as JSON, and the surest cells of each class."""
    with services_of(request).reader() as reader:
        record = _session(request, reader)
        cells = [_as_json(request, reader, cell) for cell in _listed(reader, record, _shown(request))]
        return json_answer({"session": record.id, "cells": cells, "references": _references(reader, record)})


def numbers(request: Request) -> Response:
    """`GET /review/tally?session=N`: the differential beside the cells, as it stands."""
    with services_of(request).reader() as reader:
        record = _session(request, reader)
        changed = reader.changed(record.id)
        tally = tally_of(record, reader.totals(record.id), Intervals())
        return render_page(request, "differential.html", tally=tally, changed=changed)


def portrait(request: Request) -> Response:
    """`GET /cell/SESSION/FIELD/NUMBER`: the picture of a cell."""
    with services_of(request).reader() as reader:
        found = reader.portrait(*(query_number(request, name) for name in ("session", "field", "number")))
    if found is None:
        raise Missing("No picture of this cell was kept.")
    return Response(found.jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


def activation(request: Request) -> Response:
    """`GET /cell/SESSION/FIELD/NUMBER/map`: rows of 0 to 255, what spoke for the machine's answer."""
    with services_of(request).reader() as reader:
        found = reader.portrait(*(query_number(request, name) for name in ("session", "field", "number")))
    if found is None:
        raise Missing("No picture of this cell was kept.")
    return json_answer({"rows": [list(row) for row in found.activation]})


def name(request: Request) -> Response:
    """`POST /review/name`: the person calls a cell `label`; refused where it was called otherwise since it was seen."""
    label = form_text(request, "label", MAX_LABEL)
    if label not in REVIEW_LABELS:
        raise Refused(400, f"{label!r} is no class of cells.", f"Use one of {', '.join(REVIEW_LABELS)}.")
    command = Relabel(
        form_number(request, "session"),
        form_number(request, "field"),
        form_number(request, "cell"),
        label,
        device_of(request).who,
        form_text(request, "standing", MAX_LABEL),
    )
    return _done(request, command)


def undo(request: Request) -> Response:
    """`POST /review/undo`: takes the session's last change back; both stay in the log."""
    return _done(request, Undo(form_number(request, "session"), device_of(request).who))


def approve(request: Request) -> Response:
    """`POST /review/approve`: the person approves `session` as it stands."""
    command = Approve(form_number(request, "session"), device_of(request).who)
    told = _ask(request, command)
    if "text/html" not in request.headers.get("accept", ""):
        return json_answer(told)
    return redirect_to(f"/sessions/{command.session}")


def _done(request: Request, command: Relabel | Undo) -> Response:
    """The answer for a script; back to the same list for a form."""
    told = _ask(request, command)
    if "text/html" not in request.headers.get("accept", ""):
        return json_answer(told)
    shown = form_text(request, "show") or DOUBT
    if shown not in _LISTS:
        shown = DOUBT
    at = form_number(request, "at") if "at" in request.state.form else 0
    return redirect_to(f"/review?session={command.session}&show={shown}&at={at}")


def _ask(request: Request, command: Command) -> dict[str, Any]:
    key = form_text(request, "key", 64) or None
    return dict(services_of(request).commands.ask(command, key, device_of(request).name).told)


def _session(request: Request, reader: Reader) -> SessionRecord:
    return recorded(reader, query_number(request, "session"))


def _shown(request: Request) -> str:
    shown = request.query_params.get("show", DOUBT)
    if shown not in _LISTS:
        raise Refused(400, "There is no such list of cells.", f"Ask for one of {', '.join(_LISTS)}.")
    return shown


def _listed(reader: Reader, record: SessionRecord, shown: str) -> list[CellRecord]:
    """The cells of a list, the least certain first."""
    if shown in (DOUBT, UNNAMED):
        unnamed = reader.doubtful(record.id, MOST_CELLS)
        return [cell for cell in unnamed if shown == UNNAMED or cell.label == UNCLASSIFIED]
    wanted = (
        cell
        for cell in reader.counted(record.id)
        if shown == ALL or (shown == NAMED and cell.relabelled is not None) or cell.name == shown
    )
    return sorted(_some(wanted), key=lambda cell: (cell.confidence, cell.field, cell.number))


def _some(cells: Iterator[CellRecord]) -> list[CellRecord]:
    return [cell for _, cell in zip(range(MOST_CELLS), cells, strict=False)]


def _references(reader: Reader, record: SessionRecord) -> dict[str, list[str]]:
    """Class → addresses of the pictures of its surest cells: those that people named first, then by confidence."""
    found: dict[str, list[CellRecord]] = {}
    for cell in reader.counted(record.id):
        if cell.name in CLASSIFIER_LABELS:
            found.setdefault(cell.name, []).append(cell)
    return {
        label: [
            _address(cell)
            for cell in sorted(cells, key=lambda one: (one.relabelled is None, -one.confidence))[:REFERENCES]
        ]
        for label, cells in found.items()
    }


def _guesses(cell: CellRecord | None) -> list[str]:
    """The likeliest names, the likeliest first."""
    likely = [] if cell is None else sorted(cell.probabilities, key=lambda label: -cell.probabilities[label])
    return [label for label in likely if label in BY_NAME][:GUESSES]


def _address(cell: CellRecord) -> str:
    return f"/cell/{cell.session}/{cell.field}/{cell.number}"


def _as_json(request: Request, reader: Reader, cell: CellRecord) -> dict[str, Any]:
    """What a person needs to know of a cell, in the language of who asks."""
    said = words_of(language_for(request))
    return {
        "session": cell.session,
        "field": cell.field,
        "cell": cell.number,
        "name": cell.name,
        "machine": cell.label,
        "best": cell.best,
        "confidence": cell.confidence,
        "named": cell.relabelled is not None,
        "words": ", ".join(said(words) for words, _ in phrases(cell.attributes)),
        "guesses": [[label, cell.probabilities[label]] for label in _guesses(cell)],
        "picture": _address(cell) if reader.portrait(cell.session, cell.field, cell.number) is not None else None,
    }
