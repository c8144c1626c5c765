"""The application, and how a screen is added to it.

**A screen** is a module of its own with functions from request to response, a template, and a line in `routes.TABLE`
that says who may ask. A plain function runs in a thread (it may read SQLite and ask at the door); a coroutine runs in
the loop and must not wait for either. The guard has looked at host, role, origin, token, rate and size before it.

* `pages.services_of(request)`: the store (`with services.reader() as reader`), the door
  (`services.commands.ask(command, key, by)`), devices, rates. `pages.device_of(request)`: who asks; `.who` is the
  person for the record.
* Answer with `pages.render_page(request, "name.html", **context)`, `pages.json_answer({…})` for JSON,
  `pages.redirect_to("/…")` after a form. Raise `access.Missing("There is no …")` for 404,
  `access.Refused(status, message, fix)` else; a `HematoEdgeError` of another module becomes an answer by itself: a
  page for a browser, JSON for a program.
* What a POST said is in `request.state.form` (form, multipart or JSON alike; a file is Starlette's `UploadFile`). Read
  it by `pages.form_text`, `pages.form_number`; numbers of the address by `pages.query_number`. A GET changes nothing.
* Every form needs `<input type="hidden" name="token" value="{{ csrf }}">`; scripts use `send("/path", {…})` of
  `page.js`, which says the token and a key, so that a repeated request is done once. Commands of the door that change
  something take that `key`.
* **Templates** extend `base.html` (blocks `title`, `content`, `scripts`; `{% set here = "/review" %}` marks the place
  in the menu). They know `_("English text", name=value)`, `csrf`, `device`, `role`, `Role`, `static("page.css")`,
  `notice`, `path`. A cell's class is `class="c-{{ label }}"`, which sets `--cell`, its colour on light and dark ground;
  `classes[label]` is its `labels.CellClass`. A screen gets its place in the menu by a line in `pages.MENU`. No style
  attribute and no inline script: the content policy refuses them.
* **Scripts** are ES modules in `static/`, loaded in the block `scripts` by
  `<script type="module" src="{{ static('x.js') }}">`. A page works without them where it can.
* A page with a policy of its own (the printed report) sets its own `Content-Security-Policy` header; the guard then
  leaves it alone.
* **Tests**: `tests/edge/web/conftest.py` has `site` (a real server over a store), `live_site` (with a real run behind a
  real door) and `browser` (Chromium). `test_table.py` walks every route of the table with every role.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware

from hemato_edge.web.pages import trouble
from hemato_edge.web.routes import routes
from hemato_edge.web.security.access import Missing
from hemato_edge.web.security.guard import Guard
from hemato_edge.web.services import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from hemato_edge.web.services import PageOptions


def make_app(options: PageOptions) -> Starlette:
    """The application.

    Raises:
        MissingExtraError: the style sheet is not installed.
    """
    services = Services(options)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        services.close()

    return Starlette(
        routes=routes(),
        middleware=[Middleware(Guard, services=services)],
        exception_handlers={404: _not_there},
        lifespan=lifespan,
    )


def _not_there(request: Request, _: Exception) -> Response:
    return trouble(request, Missing("There is no such page.", "Go back to the first one."), 404)
