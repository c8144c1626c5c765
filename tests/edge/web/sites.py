"""A real server of the page for the tests: over a real store, on a free port of the loopback."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import State
from hemato_edge.door.messages import DoorError
from hemato_edge.web.security.access import Role
from hemato_edge.web.security.devices import Devices
from hemato_edge.web.services import PageOptions
from hemato_edge.web.serving import Serving, listening, server

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 90.0


@dataclass
class Site:
    """A running server.

    Attributes:
        address: as a browser needs it.
        options: what it was started with.
    """

    address: str
    options: PageOptions
    tokens: dict[Role, str] = field(default_factory=dict)

    @property
    def cookie(self) -> str:
        return "__Host-hemato-edge" if self.options.secure else "hemato-edge"

    def token(self, role: Role) -> str:
        """The cookie's value of a device that was paired with this role."""
        if role not in self.tokens:
            self.tokens[role] = Devices(self.options.folder).add(f"{role.word}'s phone", "Ada", role)
        return self.tokens[role]

    def csrf(self, role: Role) -> str:
        device = Devices(self.options.folder).find(self.token(role))
        assert device is not None
        return device.csrf

    def client(self, role: Role = Role.NOBODY, *, page: bool = False, **headers: str) -> httpx.Client:
        """What asks as a page of our own would: cookie, origin and token. `page`: as a browser that wants HTML."""
        cookies = {} if role is Role.NOBODY else {self.cookie: self.token(role)}
        sent = {"origin": self.address, "sec-fetch-site": "same-origin"}
        if role is not Role.NOBODY:
            sent["x-hemato-token"] = self.csrf(role)
        if page:
            sent["accept"] = "text/html"
        return httpx.Client(base_url=self.address, cookies=cookies, headers=sent | headers, timeout=PATIENCE_S)


@contextmanager
def serving(options: PageOptions) -> Iterator[Site]:
    """A server from `with` to its end."""
    plan, bound = listening(Serving(options, "127.0.0.1", 0, None))
    made = server(plan)
    thread = threading.Thread(target=made.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    end = time.monotonic() + PATIENCE_S
    while not made.started and thread.is_alive() and time.monotonic() < end:
        time.sleep(0.01)
    assert made.started
    try:
        yield Site(plan.address, plan.options)
    finally:
        made.should_exit = True
        thread.join(PATIENCE_S)
        bound.close()


def until(question: Any, what: str = "it") -> Any:
    """The first answer to `question()` that is true; fails if none comes for a long time."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come in {PATIENCE_S:.0f} s")


def phase(site: Site, wanted: str) -> dict[str, Any]:
    """What the door says once the run is in that phase and has a picture."""

    def asked() -> dict[str, Any] | None:
        with DoorClient(site.options.door, "test") as client:
            try:
                told = dict(client.ask(State()).told)
            except DoorError:
                return None
        return told if told["phase"] == wanted and told["verdict"] is not None else None

    found: dict[str, Any] = until(asked, f"the phase {wanted}")
    return found
