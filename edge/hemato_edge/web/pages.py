"""How a page is made from its template, and what every template knows."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.errors import StoreError
from hemato_edge.labels import BY_NAME
from hemato_edge.languages import LANGUAGES, language_of, number_in, recorded_words_of, words_of
from hemato_edge.views.report.words import ADVICE
from hemato_edge.web.security.access import Missing, Refused, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from hemato_edge.errors import HematoEdgeError
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import SessionRecord
    from hemato_edge.web.security.devices import Device
    from hemato_edge.web.services import Services

LONGEST_TEXT = 200
MENU = (
    ("/", "Count"),
    ("/review", "Review"),
    ("/map", "Map"),
    ("/history", "History"),
    ("/microscope", "Microscope"),
    ("/pictures", "Pictures"),
    ("/health", "Health"),
    ("/devices", "Devices"),
    ("/settings", "Settings"),
)
"""The screens, in the menu's order: address and English name."""


@functools.cache
def templates() -> Environment:
    """The templates of this package: what is put in is escaped, and an unknown name is an error."""
    return Environment(
        loader=PackageLoader("hemato_edge.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def services_of(request: Request) -> Services:
    """What the application works with."""
    services: Services = request.state.services
    return services


def device_of(request: Request) -> Device:
    """The paired device that asks; only where the table demands a role."""
    device: Device | None = request.state.device
    if device is None:
        raise Refused(401, "This device is not paired.", "Pair it.")
    return device


def recorded(reader: Reader, number: int) -> SessionRecord:
    """One session; the last one for 0.

    Raises:
        Missing: there is none of that number.
        StoreError: nothing is recorded.
    """
    record = reader.session()
    if number in (0, record.id):
        return record
    try:
        return reader.session(number)
    except StoreError as error:
        raise Missing(f"There is no session {number}.", "The history lists what is recorded.") from error


def language_for(request: Request) -> str:
    """The language of the device that asks: the one it chose, else the browser's first that is there."""
    return language_of(request.cookies.get("language"), request.headers.get("accept-language"))


def render(request: Request, template: str, **context: Any) -> str:
    """A template's text, in the language of the device that asks."""
    services, device = services_of(request), request.state.device
    language = language_for(request)
    return (
        templates()
        .get_template(template)
        .render(
            **{
                "_": words_of(language),
                "recorded": recorded_words_of(language),
                "number": number_in(language),
                "language": language,
                "languages": LANGUAGES,
                "notice": words_of(language)(RESEARCH_USE_NOTICE),
                "device": device,
                "role": Role.NOBODY if device is None else device.role,
                "Role": Role,
                "csrf": "" if device is None else device.csrf,
                "static": services.assets.address,
                "advice": ADVICE,
                "classes": BY_NAME,
                "menu": MENU,
                "plain": services.plain,
                "path": request.url.path,
                **context,
            }
        )
    )


def render_page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """A page. See `render`."""
    return HTMLResponse(render(request, template, **context), status)


def json_answer(content: Mapping[str, Any], status: int = 200) -> Response:
    """A JSON object, which says what it is for."""
    return JSONResponse({**content, "notice": RESEARCH_USE_NOTICE}, status)


def redirect_to(address: str) -> Response:
    """Send the browser on, after a form or to be paired."""
    return RedirectResponse(address, 303)


def trouble(request: Request, error: HematoEdgeError, status: int) -> Response:
    """Why a request is not answered, as a page for a browser and as JSON for a program."""
    if "text/html" in request.headers.get("accept", ""):
        return render_page(request, "trouble.html", status, error=error)
    return json_answer({"error": error.message, "fix": error.fix}, status)


def form_text(request: Request, name: str, longest: int = LONGEST_TEXT) -> str:
    """A text of the form or JSON that was sent, without what steers a terminal; empty where it was not.

    Raises:
        Refused: it is too long, or no text.
    """
    value = request.state.form.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise Refused(400, f"{name} is not a text of up to {longest} characters.")
    return "".join(c if c.isprintable() else " " for c in value).strip()


def form_number(request: Request, name: str, least: int = 0, most: int = 2**53 - 1) -> int:
    """A whole number of the form or JSON that was sent.

    Raises:
        Refused: it is none, or out of bounds.
    """
    value = request.state.form.get(name)
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) < 17) or not least <= int(text) <= most:
        raise Refused(400, f"{name} is not a whole number from {least} to {most}.")
    return int(text)


def query_number(request: Request, name: str, otherwise: int = 0) -> int:
    """A whole number of the address (`?name=…`) or of its path; `otherwise` where it is not there.

    Raises:
        Refused: it is none.
    """
    value = request.path_params.get(name, request.query_params.get(name))
    if value is None or value == "":
        return otherwise
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 17):
        raise Refused(400, f"{name} is not a whole number.")
    return int(text)
