"""What a keeper looks after: the paired devices, the settings as they are."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemato_edge.door.commands import COUNTING, MAX_NOTE, MAX_VALUE, Change, Settings
from hemato_edge.door.messages import DoorError
from hemato_edge.labels import BY_NAME
from hemato_edge.languages import LANGUAGES
from hemato_edge.settings.changes import shape_of
from hemato_edge.settings.harmless import HARMLESS
from hemato_edge.web.pages import device_of, form_text, json_answer, redirect_to, render_page, services_of
from hemato_edge.web.screens.microscope import ask, await_run
from hemato_edge.web.security.access import Missing, Refused, Role
from hemato_edge.web.security.pairing import GOOD_S

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

YEAR_S = 365 * 24 * 3600


def devices_page(request: Request) -> Response:
    """`GET /devices`: who may see what, and who was here when."""
    return render_page(request, "devices.html", devices=services_of(request).devices.all(), pin=None, roles=_roles())


def new_pin(request: Request) -> Response:
    """`POST /devices/pin`: a PIN and its QR code, shown once."""
    role = Role.of(form_text(request, "role", 20))
    if role is Role.NOBODY:
        raise Refused(400, "A role is needed.", "Choose one.")
    services = services_of(request)
    pin = services.pairing.new_pin(role)
    address = f"{request.url.scheme}://{request.headers['host']}/pair"
    return render_page(
        request,
        "devices.html",
        devices=services.devices.all(),
        roles=_roles(),
        pin=pin,
        minutes=round(GOOD_S / 60),
        given=role,
        address=address,
        code=_drawn(f"{address}#code={pin}"),
    )


def revoke(request: Request) -> Response:
    """`POST /devices/revoke`: takes the pairing of `device` back; it is out at its next request."""
    device = form_text(request, "device", 64)
    if not services_of(request).devices.revoke(device):
        raise Missing("No such device is paired.", "Look at the list.")
    return redirect_to("/pair" if device_of(request).id.startswith(device) else "/devices")


def settings_page(request: Request) -> Response:
    """`GET /settings`: every setting as it is, and where it comes from; secrets are not shown."""
    from hemato_edge.settings import resolve

    told = _harmless(request)
    resolved = resolve(Path(told["file"]) if told["file"] else None)
    rows: dict[str, list[tuple[str, str, str]]] = {}
    for key, value in resolved.values().items():
        section, _, name = key.partition(".")
        secret = section == "mqtt" and name in ("username", "password")
        rows.setdefault(section, []).append((name, "…" if secret and value else _said(value), resolved.origins[key]))
    harmless = [(key, HARMLESS[key], _said(one["value"]), _class_of(key)) for key, one in told["settings"].items()]
    return render_page(request, "settings.html", sections=rows, file=resolved.file, harmless=harmless)


def setting_page(request: Request) -> Response:
    """`GET /settings/edit?setting=KEY`: one setting, to be changed."""
    return _setting(request, request.query_params.get("setting", ""))


def change_setting(request: Request) -> Response:
    """`POST /settings`: `setting` is to be `value`; of a pair `low` and `high`. Empty: its default."""
    key = form_text(request, "setting", MAX_NOTE)
    value = form_text(request, "value", MAX_VALUE)
    if "low" in request.state.form:
        ends = form_text(request, "low", 20), form_text(request, "high", 20)
        value = f"[{', '.join(ends)}]" if any(ends) else ""
    try:
        told = ask(request, Change(key, value))
    except DoorError as error:
        if "text/html" not in request.headers.get("accept", "") or key not in HARMLESS or error.kind == "shut":
            raise
        return _setting(request, key, error, 409)
    if services_of(request).changes.state()["phase"] != COUNTING:
        await_run(services_of(request))
    return redirect_to("/settings") if "text/html" in request.headers.get("accept", "") else json_answer(told)


def _setting(request: Request, key: str, trouble: DoorError | None = None, status: int = 200) -> Response:
    if key not in HARMLESS:
        raise Missing("That setting cannot be changed from here.", "Change it in the configuration file.")
    value = _harmless(request)["settings"].get(key, {}).get("value")
    words, of = HARMLESS[key], _class_of(key)
    shape = shape_of(key)
    return render_page(
        request, "setting.html", status, key=key, words=words, of=of, value=value, shape=shape, trouble=trouble
    )


def _harmless(request: Request) -> dict[str, Any]:
    """The settings that may be changed, as the run has them; none where nobody answers."""
    try:
        return ask(request, Settings())
    except DoorError:
        return {"file": None, "settings": {}}


def _class_of(key: str) -> str:
    """The class of cells that a setting is about; empty for none."""
    name = key.partition(".")[2]
    return name if name in BY_NAME else ""


def choose_language(request: Request) -> Response:
    """`POST /language`: the language of this device."""
    language = form_text(request, "language", 8)
    if language not in LANGUAGES:
        raise Refused(400, "That language is not there.", f"Choose one of {', '.join(LANGUAGES)}.")
    response = redirect_to("/settings")
    secure = services_of(request).options.secure
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
