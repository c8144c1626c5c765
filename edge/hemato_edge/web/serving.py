"""Serves the application: which names it has, over TLS or not, and how it ends."""

from __future__ import annotations

import ctypes
import ipaddress
import json
import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.journal import goes_to_journal
from hemato_edge.web.security.access import WebError
from hemato_edge.web.security.certificate import certificate_for
from hemato_edge.web.security.pairing import new_token
from hemato_edge.web.services import LOOPBACK, PageOptions

if TYPE_CHECKING:
    from pathlib import Path

    import uvicorn

    from hemato_edge.settings import Settings
    from hemato_edge.web.security.certificate import Certificate

END_S = 1
"""So long open listeners may hold the server at its end: a service has to be gone within 5 s."""
KEEP_ALIVE_S = 10
ALIVE_S = 5.0
"""So long `web alive` waits for an answer."""
MOST_AT_ONCE = 64
GIVEN_BACK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served where.

    Attributes:
        options: for the application.
        host, port: what is listened on.
        certificate: its files; None without TLS.
    """

    options: PageOptions
    host: str
    port: int
    certificate: Certificate | None

    @property
    def address(self) -> str:
        """What to type into a browser."""
        scheme = "https" if self.options.secure else "http"
        return f"{scheme}://{bracketed(named(self.host))}:{self.port}"


def plan(settings: Settings, host: str | None = None, port: int | None = None, door: Path | None = None) -> Serving:
    """How the page is served by these settings.

    Args:
        settings: effective ones.
        host: instead of the settings'.
        port: instead of the settings'.
        door: the run's socket, instead of the settings'.

    Raises:
        WebError: the certificate cannot be made or read.
    """
    from hemato_edge.door.location import default_door

    web = settings.web
    host, port = host or web.host, web.port if port is None else port
    loopback = is_loopback(host)
    secure = web.security == "tls" or (web.security == "auto" and not loopback)
    hosts = LOOPBACK if loopback else LOOPBACK | frozenset(own_names(host)) | {name.lower() for name in web.names}
    certificate = None
    if secure:
        certificate = _certificate(settings, sorted(hosts))
    options = PageOptions(
        database=settings.store.path,
        door=door or settings.door.path or default_door(),
        folder=web.folder,
        hosts=hosts,
        secure=secure,
        loopback=loopback,
        own_token=new_token() if loopback and not goes_to_journal() else None,  # a code stands in no journal
        show_label=web.show_label,
        keep_uploads_min=web.keep_uploads_min,
        upload_mb=web.upload_mb,
        upload_megapixels=web.upload_megapixels,
    )
    return Serving(options, host, port, certificate)


def listening(serving: Serving) -> tuple[Serving, socket.socket]:
    """The socket, bound, and the plan with the port that it has.

    Raises:
        WebError: the address is not ours, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((serving.host, serving.port))
    except OSError as error:
        made.close()
        raise WebError(
            f"The page cannot be served at {serving.host}, port {serving.port}: {error.strerror}.",
            "Name another one with --port, or another address with --host.",
        ) from error
    return replace(serving, port=made.getsockname()[1]), made


def server(serving: Serving) -> uvicorn.Server:
    """The server, to be run with its socket: `server(…).run(sockets=[…])`."""
    import uvicorn

    from hemato_edge.web.app import make_app

    certificate = serving.certificate
    return uvicorn.Server(
        uvicorn.Config(
            make_app(serving.options),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=END_S,
            limit_concurrency=MOST_AT_ONCE,
            proxy_headers=False,
            ws="none",
            http="h11",
            loop="asyncio",
            ssl_certfile=None if certificate is None else str(certificate.chain),
            ssl_keyfile=None if certificate is None else str(certificate.key),
        )
    )


def ask_alive(settings: Settings, port: int | None = None) -> None:
    """Ask the page on this machine whether it answers.

    Its certificate is not checked: what is asked is whether it answers, and nothing is told to it.

    Raises:
        WebError: nothing answers, or something else does.
    """
    import ssl
    import urllib.request

    web = settings.web
    anywhere = web.host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    host = "127.0.0.1" if anywhere else web.host
    secure = web.security == "tls" or (web.security == "auto" and not is_loopback(web.host))
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    address = f"{'https' if secure else 'http'}://{bracketed(host)}:{port or web.port}/alive"
    try:
        with urllib.request.urlopen(address, timeout=ALIVE_S, context=unchecked if secure else None) as answer:  # noqa: S310 - ours
            if json.load(answer).get("notice") == RESEARCH_USE_NOTICE:
                return
            reason = "something else answers there"
    except (OSError, ValueError) as error:
        reason = str(error)
    raise WebError(f"The page does not answer at {address}: {reason}.", "Start it with `hemato-edge web`.")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def own_names(host: str) -> list[str]:
    """The names and addresses under which this machine is known, when it listens on `host`."""
    name = socket.gethostname().lower()
    names = {name, f"{name.partition('.')[0]}.local"}
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        names |= outward_addresses()
    else:
        names.add(host.lower())
    return sorted(names)


def outward_addresses() -> set[str]:
    """This machine's addresses towards other networks; nothing is sent to find them."""
    found = set()
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):  # of documentation
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            try:
                asking.connect((far, 9))
                found.add(str(asking.getsockname()[0]))
            except OSError:
                continue
    return found


def named(host: str) -> str:
    """The address to type for a server that listens on `host`."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return min(outward_addresses(), default=socket.gethostname())
    return host


def bracketed(host: str) -> str:
    """A host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


def _certificate(settings: Settings, names: list[str]) -> Certificate:
    from datetime import datetime, timezone

    from hemato_edge.web.security.certificate import Certificate

    web = settings.web
    if web.certificate_file is not None and web.key_file is not None:
        return Certificate(
            web.certificate_file, web.key_file, web.certificate_file, "", datetime.max.replace(tzinfo=timezone.utc)
        )
    return certificate_for(web.folder, names)


def give_memory_back() -> None:
    """Let freed blocks of 64 kB and more go back to the system, for a process of the page alone.

    The intervals draw megabytes for a moment. glibc raises its threshold as such blocks are freed, up to 32 MB, and
    keeps the next ones (mallopt(3), M_MMAP_THRESHOLD, which is -3); another C library is left as it is.
    """
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust is not None:
        adjust(-3, GIVEN_BACK_BYTES)
