"""What people and programs might send: every form takes it or refuses it in words; no traceback, no 500."""

from __future__ import annotations

import logging
import socket
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sites import Site

from hemato_edge.web.routes import TABLE
from hemato_edge.web.security.access import SMALL, Role

FORMS = sorted({page.path for page in TABLE if page.method == "POST"} - {"/leave", "/health/examine"})
NAMES = ("label", "target", "text", "key", "code", "name", "person", "role", "device", "language", "session", "token")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(FORMS), st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), VALUES, max_size=6))
def test_22_json_of_any_kind(site: Site, path: str, said: dict[str, object]) -> None:
    site.options.folder.joinpath("pairing.json").unlink(missing_ok=True)
    with site.client(Role.KEEPER) as client:
        answer = client.post(path, json=said)
    assert answer.status_code != 500
    assert answer.status_code < 500 or answer.status_code == 503


KINDS = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "",
    "x/y",
)


@given(st.sampled_from(FORMS), st.binary(max_size=200), st.sampled_from(KINDS))
def test_22_bodies_of_any_kind(site: Site, path: str, body: bytes, kind: str) -> None:
    with site.client(Role.KEEPER) as client:
        answer = client.post(path, content=body, headers={"content-type": kind})
    assert answer.status_code != 500


ADDRESSES = ("/live/frame?after=", "/live/frame?w=", "/map?session=", "/live/pose?after=")


@given(st.sampled_from(ADDRESSES), st.text(max_size=20))
def test_22_addresses_of_any_kind(site: Site, path: str, text: str) -> None:
    with site.client(Role.VIEWER) as client:
        assert client.get(path + quote(text)).status_code in (200, 204, 400, 404, 503)


def test_a_body_is_counted_as_it_comes(site: Site) -> None:
    def endless():
        for _ in range(SMALL // 1024 + 8):
            yield b"x" * 1024

    with site.client(Role.COUNTER) as client:
        declared = client.post(
            "/session/note", content=b"x" * (SMALL + 1), headers={"content-type": "application/json"}
        )
        undeclared = client.post("/session/note", content=endless(), headers={"content-type": "application/json"})
    assert (declared.status_code, undeclared.status_code) == (413, 413)


def test_markup_in_a_label_is_text(site: Site) -> None:
    with site.client(Role.VIEWER, page=True) as client:
        page = client.get("/").text
    assert "tube &lt;2&gt; &amp; co" in page
    assert "<2>" not in page


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET " + b"x" * 100_000, b"\r\n" * 50]
)
def test_nonsense_on_the_port_leaves_the_page_as_it_was(
    site: Site, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    parts = urlsplit(site.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as one:
        one.sendall(sent)
        one.shutdown(socket.SHUT_WR)
        one.recv(1000)
    with site.client(Role.VIEWER) as client:
        assert client.get("/alive").status_code == 200
    assert "Traceback" not in caplog.text
