"""The table of routes, walked whole: who may ask for what, and what no page answers."""

from __future__ import annotations

import re

import pytest
from sites import Site

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.web.routes import TABLE, routes
from hemato_edge.web.security.access import Page, Role

ROLES = list(Role)
ENDLESS = {"/events"}
"""Answers that do not end."""
COSTLY = {"/health/examine"}
"""Asked once in full: a process of its own answers, for seconds."""


def path_of(page: Page) -> str:
    """A path with something in its places."""
    return re.sub(r"\{[^}]*\}", "1", page.path)


def ask(site: Site, page: Page, role: Role, **headers: str):
    with site.client(role, **headers) as client, client.stream(page.method, path_of(page)) as answer:
        if page.path not in ENDLESS:
            answer.read()
        return answer


def test_every_route_stands_in_the_table_once() -> None:
    lines = [(page.method, page.path) for page in TABLE]
    assert len(lines) == len(set(lines))
    assert {page.path for page in TABLE} == {route.path for route in routes()}
    assert {page.method for page in TABLE} <= {"GET", "POST"}


@pytest.mark.parametrize("page", TABLE, ids=lambda page: f"{page.method} {page.path}")
def test_17_the_table_holds_for_each_role(site: Site, page: Page) -> None:
    if page.path == "/leave":
        pytest.skip("it would end the pairing; see test_entry")
    roles = [role for role in ROLES if role <= page.role] if page.path in COSTLY else ROLES
    for role in roles:
        answer = ask(site, page, role)
        if role >= page.role:
            assert answer.status_code not in (401, 403) or page.path == "/pair"
            assert answer.status_code != 500
        else:
            assert answer.status_code == (401 if role is Role.NOBODY else 403)


@pytest.mark.parametrize(
    "page", [page for page in TABLE if page.role > Role.NOBODY], ids=lambda page: f"{page.method} {page.path}"
)
def test_17_an_unpaired_browser_sees_the_pairing_page_and_nothing_else(site: Site, page: Page) -> None:
    answer = ask(site, page, Role.NOBODY, accept="text/html")
    if page.method == "GET":
        assert (answer.status_code, answer.headers["location"]) == (303, "/pair")
    else:
        assert answer.status_code == 401
        assert "not paired" in answer.text


@pytest.mark.parametrize("page", TABLE, ids=lambda page: f"{page.method} {page.path}")
def test_18_a_foreign_name_is_answered_by_nobody(site: Site, page: Page) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "", "[::1", "localhost@evil.example"):
        answer = ask(site, page, Role.KEEPER, host=host)
        assert answer.status_code == 421 or (answer.status_code == 400 and not host), host


@pytest.mark.parametrize("page", [page for page in TABLE if page.method == "POST"], ids=lambda page: page.path)
@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"x-hemato-token": "0" * 64},
        {"x-hemato-token": ""},
    ],
    ids=str,
)
def test_18_a_foreign_page_changes_nothing(site: Site, page: Page, changes: dict[str, str]) -> None:
    if page.path == "/pair" and "x-hemato-token" in changes:
        pytest.skip("who is not paired has no token")
    assert ask(site, page, Role.KEEPER, **changes).status_code == 403


@pytest.mark.parametrize("page", [page for page in TABLE if page.method == "GET"], ids=lambda page: page.path)
def test_18_a_get_changes_nothing(site: Site, page: Page) -> None:
    database = site.options.database
    before = database.read_bytes()
    known = sorted(p.name for p in site.options.folder.iterdir()) if site.options.folder.exists() else []
    ask(site, page, Role.KEEPER)
    assert database.read_bytes() == before
    after = sorted(p.name for p in site.options.folder.iterdir())
    assert set(after) - set(known) <= {"devices.json", "devices.json.lock"}


@pytest.mark.parametrize("page", TABLE, ids=lambda page: f"{page.method} {page.path}")
def test_every_answer_bears_the_headers(site: Site, page: Page) -> None:
    answer = ask(site, page, Role.NOBODY if page.path in {"/leave", *COSTLY} else Role.KEEPER)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in answer.headers


def test_other_methods_and_unknown_pages_are_refused(site: Site) -> None:
    with site.client(Role.KEEPER) as client:
        for method in ("PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"):
            assert client.request(method, "/").status_code == 405
        missing = client.get("/no/such/page")
        assert missing.status_code == 404
        assert missing.json()["notice"] == RESEARCH_USE_NOTICE
    with site.client(Role.KEEPER, page=True) as client:
        assert RESEARCH_USE_NOTICE in client.get("/no/such/page").text
