"""What a keeper looks after: the paired devices, the settings as they are."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from hemato_edge.web.access import Missing, Refused, Role
from hemato_edge.web.pages import device_of, go_to, place_of, show, text_of
from hemato_edge.web.pairing import GOOD_S
from hemato_edge.web.words import LANGUAGES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

YEAR_S = 365 * 24 * 3600


def devices_page(request: Request) -> Response:
    """`GET /devices`: who may see what, and who was here when."""
    return show(request, "devices.html", devices=place_of(request).devices.all(), pin=None, roles=_roles())


def new_pin(request: Request) -> Response:
    """`POST /devices/pin`: a PIN and its QR code, shown once."""
    role = Role.of(text_of(request, "role", 20))
    if role is Role.NOBODY:
        raise Refused(400, "A role is needed.", "Choose one.")
    place = place_of(request)
    pin = place.pairing.new_pin(role)
    address = f"{request.url.scheme}://{request.headers['host']}/pair"
    return show(
        request,
        "devices.html",
        devices=place.devices.all(),
        roles=_roles(),
        pin=pin,
        minutes=round(GOOD_S / 60),
        given=role,
        address=address,
        code=_drawn(f"{address}#code={pin}"),
    )


def revoke(request: Request) -> Response:
    """`POST /devices/revoke`: takes the pairing of `device` back; it is out at its next request."""
    device = text_of(request, "device", 64)
    if not place_of(request).devices.revoke(device):
        raise Missing("No such device is paired.", "Look at the list.")
    return go_to("/pair" if device_of(request).id.startswith(device) else "/devices")


def settings_page(request: Request) -> Response:
    """`GET /settings`: every setting as it is, and where it comes from; secrets are not shown."""
    from hemato_edge.settings import resolve

    resolved = resolve()
    rows: dict[str, list[tuple[str, str, str]]] = {}
    for key, value in resolved.values().items():
        section, _, name = key.partition(".")
        secret = section == "mqtt" and name in ("username", "password")
        rows.setdefault(section, []).append((name, "…" if secret and value else _said(value), resolved.origins[key]))
    return show(request, "settings.html", sections=rows, file=resolved.file)


def choose_language(request: Request) -> Response:
    """`POST /language`: the language of this device."""
    language = text_of(request, "language", 8)
    if language not in LANGUAGES:
        raise Refused(400, "That language is not there.", f"Choose one of {', '.join(LANGUAGES)}.")
    response = go_to("/settings")
    secure = place_of(request).around.secure
    response.set_cookie("language", language, max_age=YEAR_S, path="/", secure=secure, httponly=True, samesite="strict")
    return response


def _roles() -> list[Role]:
    return [role for role in Role if role is not Role.NOBODY]


def _said(value: object) -> str:
    if value is None:
        return "–"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _drawn(address: str) -> str:
    """A QR code as SVG."""
    import segno

    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", xmldecl=False, svgns=True, border=1, omitsize=True)
    return out.getvalue().decode()
