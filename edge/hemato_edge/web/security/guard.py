"""The guard: what every request has to pass before a page sees it, and the headers that every answer bears.

Host, device, origin, role, token, rate, size: in this order. Against DNS rebinding the loopback is no wall, since the
foreign page then has our own origin; so the host's name is looked at before everything else.
"""

from __future__ import annotations

import inspect
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from hemato_edge.door.messages import DoorError
from hemato_edge.errors import HematoEdgeError
from hemato_edge.web.pages import redirect_to, services_of, trouble
from hemato_edge.web.security.access import Refused, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from hemato_edge.web.security.access import Page
    from hemato_edge.web.security.devices import Device
    from hemato_edge.web.services import Services

_log = logging.getLogger(__name__)
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with it browsers say `Origin: null` when a form of ours is sent, and that is refused.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "screen-wake-lock=(self), camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
"""What an answer bears unless its page says otherwise."""
TOKEN_HEADER = "x-hemato-token"  # noqa: S105 - the name of a header
TOKEN_FIELD = "token"  # noqa: S105 - the name of a form's field
MOST_FIELDS = 200
_DOOR_STATUS = {"shut": 503, "busy": 503, "not_now": 409, "changed": 409, "malformed": 400, "unknown": 400}


class Guard:
    """Around the whole application: the host's name, who asks, and the headers of the answer."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._place = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["services"] = self._place

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope)
        names = request.headers.getlist("host")
        if len(names) != 1 or _host(names[0]) not in self._place.hosts:
            self._place.rates.refused["host"] = self._place.rates.refused.get("host", 0) + 1
            refused = PlainTextResponse("This page is not known by that name.\n", 421)
            await refused(scope, receive, dressed)
            return
        scope["state"]["device"] = await run_in_threadpool(self._device, request)
        await self._app(scope, receive, dressed)

    def _device(self, request: Request) -> Device | None:
        kind, _, bearer = request.headers.get("authorization", "").partition(" ")
        token = bearer.strip() if kind.lower() == "bearer" else request.cookies.get(self._place.cookie, "")
        return self._place.devices.find(token) if token else None


class Guarded:
    """Around one page: method, role, origin, token, rate and size. Starlette calls it as an application."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or say why not."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request, receive, scope)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - a fault of ours is one page's, and says so without a traceback
            response = await run_in_threadpool(_as_trouble, request, error)
        await response(scope, receive, send)

    async def _answer(self, request: Request, receive: Receive, scope: Scope) -> Response:
        page = self._pages.get("GET" if request.method == "HEAD" else request.method)
        if page is None:
            return PlainTextResponse("No.\n", 405, {"Allow": ", ".join(self._pages)})
        device: Device | None = request.state.device
        if (Role.NOBODY if device is None else device.role) < page.role:
            if device is None and page.method == "GET" and _wants_page(request):
                return redirect_to("/pair")
            raise Refused(401 if device is None else 403, _too_little(device, page.role), "Pair this device anew.")
        if page.method == "POST":
            _check_origin(request)  # before the rate: a foreign page must not use up ours
        if page.rate:
            self._pace(request, page.rate)
        if page.method == "POST":
            request = Request(scope, _bounded(receive, page.most_bytes))
            request.state.form = await _said(request, page.most_files)
            _check_token(request, page)
        try:
            if inspect.iscoroutinefunction(page.answer):
                response = await page.answer(request)
            else:
                response = await run_in_threadpool(page.answer, request)
        finally:
            await request.close()  # the files of an upload
        if not isinstance(response, Response):
            msg = f"{page.path} gave no response"
            raise TypeError(msg)
        return response

    def _pace(self, request: Request, rate: str) -> None:
        address = "" if request.client is None else request.client.host
        wait_s = services_of(request).rates.wait_s(rate, address)
        if wait_s > 0:
            raise Refused(429, "That was asked too often.", f"Try again in {wait_s:.0f} s.")


def _as_trouble(request: Request, error: Exception) -> Response:
    """An error as an answer: what happened, and what to do."""
    if isinstance(error, Refused):
        return trouble(request, error, error.status)
    if isinstance(error, HTTPException):  # Starlette's own, of a body that it cannot read
        return trouble(request, HematoEdgeError(str(error.detail)), error.status_code)
    if isinstance(error, DoorError):
        return trouble(request, error, _DOOR_STATUS.get(error.kind, 409))
    if isinstance(error, HematoEdgeError):
        return trouble(request, error, 503)
    _log.error("a page failed: %s", request.url.path, exc_info=error)
    return trouble(request, HematoEdgeError("The program has a fault here.", "See its log, and report it."), 500)


def _host(header: str) -> str:
    """The host of a Host header, without its port; empty where it is none."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


def _too_little(device: Device | None, role: Role) -> str:
    if device is None:
        return "This device is not paired."
    return f"This device is a {device.role.word}'s; this takes a {role.word}."


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _bounded(receive: Receive, most: int) -> Receive:
    """Counts the bytes of a body as they come, whatever its Content-Length says."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise Refused(413, "That is too large.", f"At most {most / 1e6:.2g} MB are taken.")
        return message

    return bounded


def _check_origin(request: Request) -> None:
    """Only our own pages may ask for changes; a program with a bearer token has no cookie that could be abused."""
    if request.headers.get("authorization"):
        return
    site = request.headers.get("sec-fetch-site")
    origin = urlsplit(request.headers.get("origin", ""))
    own = (request.url.scheme, request.headers["host"].lower())
    if site not in (None, "same-origin") or (origin.scheme, origin.netloc.lower()) != own:
        raise Refused(403, "This was not asked by a page of this program.", "Open the page anew.")


async def _said(request: Request, most_files: int) -> Mapping[str, Any]:
    """What a form or a JSON object says."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            said = json.loads(await request.body() or b"{}")
        except (ValueError, RecursionError):
            raise Refused(400, "That is not JSON.") from None
        if not isinstance(said, dict):
            raise Refused(400, "That is not a JSON object.")
        return said
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.form(max_files=most_files, max_fields=MOST_FIELDS)
        return {name: (values[0] if len(values := form.getlist(name)) == 1 else values) for name in form}
    if await request.body():
        raise Refused(415, "A form or JSON is needed.")
    return {}


def _check_token(request: Request, page: Page) -> None:
    """The token that only our own pages know."""
    device: Device | None = request.state.device
    if device is None or page.role is Role.NOBODY or request.headers.get("authorization"):
        return
    told = request.headers.get(TOKEN_HEADER) or request.state.form.get(TOKEN_FIELD)
    if isinstance(told, (UploadFile, list)) or told != device.csrf:
        raise Refused(403, "This form is not of this device's page.", "Open the page anew.")
