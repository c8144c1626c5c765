"""Pictures from outside: the upload page, the result page, and the drawn-in pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.datastructures import UploadFile
from starlette.responses import Response

from hemato_edge.door.commands import COUNTING
from hemato_edge.labels import BY_NAME, UNCLASSIFIED
from hemato_edge.languages import words_of
from hemato_edge.web.pages import (
    form_text,
    json_answer,
    language_for,
    query_number,
    redirect_to,
    render_page,
    services_of,
)
from hemato_edge.web.security.access import Refused
from hemato_edge.web.sources.picture_jobs import CELL, FIELD, MOST_FILES, Upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

UPLOAD = 21 << 20
"""Bytes of a request with pictures: those that `web.upload_mb` allows by default, and the form around them."""
_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".bmp": "image/bmp", ".tif": "image/tiff"}


def upload_page(request: Request) -> Response:
    """`GET /pictures`: choose files or take a photo."""
    options = services_of(request).options
    return render_page(request, "pictures.html", most_files=MOST_FILES, megabytes=options.upload_mb)


def judge(request: Request) -> Response:
    """`POST /pictures`: `pictures` are judged as `kind`, cell or field; to the result for a form, JSON for a script."""
    name, result = judged(request)
    if "text/html" in request.headers.get("accept", ""):
        return redirect_to(f"/pictures/{name}")
    return json_answer({"result": f"/pictures/{name}", **result})


def judged(request: Request) -> tuple[str, dict[str, Any]]:
    """The sent pictures, judged: the result's name and content.

    Raises:
        Refused: no kind of picture, a session is counted, or see `Judge.judge`.
    """
    services = services_of(request)
    kind = form_text(request, "kind", 10) or CELL
    if kind not in (CELL, FIELD):
        raise Refused(400, "A picture shows one cell or a whole field.", "Choose one of the two.")
    if services.changes.state()["phase"] == COUNTING:
        raise Refused(409, "A session is being counted.", "Finish the session first; the picture waits on your device.")
    name = services.picture_jobs.judge(kind, _uploads(request))
    return name, services.picture_jobs.result(name)


def result_page(request: Request) -> Response:
    """`GET /pictures/NAME`: what was found."""
    name = str(request.path_params["name"])
    result = services_of(request).picture_jobs.result(name)
    return render_page(request, "picture_result.html", name=name, result=result, words=_words_in(language_for(request)))


def marked(request: Request) -> Response:
    """`GET /pictures/NAME/NUMBER`: a picture with what was found drawn in."""
    file = services_of(request).picture_jobs.marked(str(request.path_params["name"]), query_number(request, "number"))
    media_type = _TYPES.get(file.suffix, "application/octet-stream")
    return Response(file.read_bytes(), media_type=media_type, headers={"Cache-Control": "private, max-age=3600"})


def _uploads(request: Request) -> list[Upload]:
    given = request.state.form.get("pictures", [])
    files = [one for one in (given if isinstance(given, list) else [given]) if isinstance(one, UploadFile)]
    found = []
    for file in files:
        content = file.file.read()
        if content:
            name = "".join(c if c.isprintable() else " " for c in (file.filename or "picture"))[:120]
            found.append(Upload(name, content))
    return found


def _words_in(language: str) -> Callable[[dict[str, Any]], str]:
    """What says a cell's name; where there is none, the best guess with its confidence."""
    said = words_of(language)

    def words(answer: dict[str, Any]) -> str:
        label, share = str(answer.get("label", "")), float(answer.get("confidence") or 0.0)
        if not answer.get("unclassified") and label in BY_NAME:
            return f"{said(BY_NAME[label].words)} ({100 * share:.0f} %)"
        likely = answer.get("probabilities") or {}
        best = max(likely, key=lambda one: likely[one], default="")
        doubt = f" ({said(BY_NAME[best].words)}? {100 * share:.0f} %)" if best in BY_NAME else ""
        return said(UNCLASSIFIED) + doubt

    return words
