"""Downloads over real TLS, from servers that may not be trusted, and by way of redirects."""

from __future__ import annotations

import gc
import ssl
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("requests")

import trustme
from training.file_server import Behaviour, serve

from hemato_edge.errors import DataError
from hemato_training.data.fetching import transfer
from hemato_training.data.fetching.transfer import fetch
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# urllib3 leaves it to the garbage collector to close a connection whose handshake failed.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
CONTENT = b"inside" * 1000


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxy, no pauses, and the authority is known as a person makes one known."""
    monkeypatch.setattr(transfer, "PAUSE_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    yield
    gc.collect()


def context(authority: trustme.CA, name: str = "localhost", days: tuple[int, int] = (-1, 30)) -> ssl.SSLContext:
    """A server's, with a certificate for `name` that is good between so many days from now."""
    now = datetime.now(timezone.utc)
    begin, end = (now + timedelta(day) for day in days)
    issued = authority.issue_cert(name, not_before=begin, not_after=end)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(made)
    return made


def test_an_authority_of_ones_own_is_trusted_where_it_is_named(tmp_path: Path, authority: trustme.CA) -> None:
    with serve(Behaviour(CONTENT), context(authority), "localhost") as url:
        fetch(url, tmp_path / "file", Silent())
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_an_unknown_authority_is_refused_and_the_way_to_name_it_is_told(
    tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with (
        serve(Behaviour(CONTENT), context(authority), "localhost") as url,
        pytest.raises(DataError, match="certificate of .* cannot be trusted: unable to get local issuer") as caught,
    ):
        fetch(url, tmp_path / "file", Silent())
    assert "REQUESTS_CA_BUNDLE=" in caught.value.fix
    assert not (tmp_path / "file").exists()


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, authority: trustme.CA) -> None:
    server = serve(Behaviour(CONTENT), context(authority, "elsewhere.example"), "localhost")
    with server as url, pytest.raises(DataError, match="cannot be trusted: .*[Hh]ostname mismatch"):
        fetch(url, tmp_path / "file", Silent())


@pytest.mark.parametrize(("days", "said"), [((-9, -1), "has expired"), ((1, 9), "not yet valid")])
def test_a_certificate_out_of_its_time_asks_for_the_date(
    tmp_path: Path, authority: trustme.CA, days: tuple[int, int], said: str
) -> None:
    server = serve(Behaviour(CONTENT), context(authority, days=days), "localhost")
    with server as url, pytest.raises(DataError, match=said) as caught:
        fetch(url, tmp_path / "file", Silent())
    assert "Check this machine's date" in caught.value.fix


def test_tls_asked_of_a_server_without_it_says_so(tmp_path: Path) -> None:
    with serve(Behaviour(CONTENT), host="localhost") as url, pytest.raises(DataError, match="There is no TLS with"):
        fetch(url.replace("http://", "https://"), tmp_path / "file", Silent())


@pytest.mark.parametrize("encrypted", [(True, True), (False, True), (False, False)])
def test_a_redirect_to_another_server_is_followed(
    tmp_path: Path, authority: trustme.CA, encrypted: tuple[bool, bool]
) -> None:
    first, second = (context(authority) if one else None for one in encrypted)
    with ExitStack() as servers:
        there = servers.enter_context(serve(Behaviour(CONTENT), second, "localhost"))
        here = servers.enter_context(serve(Behaviour(b"", sends_to=there), first, "localhost"))
        fetch(here, tmp_path / "file", Silent())
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_redirect_to_a_server_that_cannot_be_trusted_is_refused(tmp_path: Path, authority: trustme.CA) -> None:
    with ExitStack() as servers:
        there = servers.enter_context(serve(Behaviour(CONTENT), context(trustme.CA()), "localhost"))
        here = servers.enter_context(serve(Behaviour(b"", sends_to=there), context(authority), "localhost"))
        with pytest.raises(DataError, match="cannot be trusted"):
            fetch(here, tmp_path / "file", Silent())


@pytest.mark.parametrize("scheme", ["http", "file", "ftp"])
def test_a_redirect_out_of_tls_is_refused(tmp_path: Path, authority: trustme.CA, scheme: str) -> None:
    plain = Behaviour(CONTENT)
    with ExitStack() as servers:
        there = servers.enter_context(serve(plain)).replace("http", scheme, 1)
        here = servers.enter_context(serve(Behaviour(b"", sends_to=there), context(authority), "localhost"))
        with pytest.raises(DataError, match="not encrypted") as caught:
            fetch(here, tmp_path / "file", Silent())
    assert "--from FILE" in caught.value.fix
    assert not plain.asked
    assert not (tmp_path / "file").exists()


def test_a_server_that_sends_round_in_a_circle_is_told(tmp_path: Path) -> None:
    behaviour = Behaviour(CONTENT, sends_to="/again")
    with serve(behaviour) as url, pytest.raises(DataError, match="in a circle"):
        fetch(url, tmp_path / "file", Silent())
    assert len(behaviour.asked) < 40


def test_a_redirect_to_what_is_no_address_is_told(tmp_path: Path) -> None:
    with serve(Behaviour(CONTENT, sends_to="http://[nonsense")) as url, pytest.raises(DataError) as caught:
        fetch(url, tmp_path / "file", Silent())
    assert caught.value.fix
