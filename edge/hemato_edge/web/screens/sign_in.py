"""What is there before a screen: pairing a device, leaving again, style sheets and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.web.pages import device_of, form_text, json_answer, redirect_to, render_page, services_of
from hemato_edge.web.security.access import Role
from hemato_edge.web.security.devices import IDLE

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

LONGEST_NAME = 60


def pairing_page(request: Request) -> Response:
    """`GET /pair`: asks for the PIN. A code in the address's fragment, which no server sees, is sent by the script."""
    return render_page(request, "pair.html", wrong=False)


def pair(request: Request) -> Response:
    """`POST /pair`: code, the device's name, the person's name; a cookie if the code is right."""
    services = services_of(request)
    role = services.pairing.take(form_text(request, "code", 64))
    if role is Role.NOBODY:
        return render_page(request, "pair.html", 403, wrong=True)
    name = form_text(request, "name", LONGEST_NAME) or _browser(request)
    person = form_text(request, "person", LONGEST_NAME)
    token = services.devices.add(name, person, role)
    if request.client is not None:
        services.rates.forgive("pair", request.client.host)
    response = redirect_to("/")
    response.set_cookie(
        services.cookie,
        token,
        max_age=int(IDLE.total_seconds()),
        path="/",
        secure=services.options.secure,
        httponly=True,
        samesite="strict",
    )
    return response


def leave(request: Request) -> Response:
    """`POST /leave`: forgets this device."""
    services = services_of(request)
    services.devices.revoke(device_of(request).id)
    response = redirect_to("/pair")
    response.delete_cookie(services.cookie, path="/", secure=services.options.secure, httponly=True, samesite="strict")
    return response


def serve_asset(request: Request) -> Response:
    """`GET /static/VERSION/NAME`: a style sheet or script; kept by the browser until one of them changes."""
    version, name = request.path_params["version"], request.path_params["name"]
    packed = "gzip" in request.headers.get("accept-encoding", "")
    return services_of(request).assets.answer(version, name, packed=packed)


def alive(_: Request) -> Response:
    """`GET /alive`: for who watches over the process; tells nothing."""
    return json_answer({"alive": True})


def _browser(request: Request) -> str:
    """A name for a device that was given none: what its browser says it runs on."""
    agent = request.headers.get("user-agent", "")
    return next((name for name in ("iPhone", "iPad", "Android", "Windows", "Macintosh", "Linux") if name in agent), "?")
