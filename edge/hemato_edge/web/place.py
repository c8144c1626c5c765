"""What the application works with: the store, the door, the paired devices, and what is shared between requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hemato_edge.door.client import DoorClient
from hemato_edge.store.reader import Reader
from hemato_edge.web.assets import Assets
from hemato_edge.web.security.devices import Devices
from hemato_edge.web.security.pairing import Pairing
from hemato_edge.web.security.rates import Rates
from hemato_edge.web.sources.examination import Examinations
from hemato_edge.web.sources.feed import Feed
from hemato_edge.web.sources.judge import Judge
from hemato_edge.web.sources.pulse import Pulse

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the page is started with.

    Attributes:
        database: the store's file; it need not be there yet.
        door: the run's socket.
        folder: where the paired devices and the certificate are kept; ours alone.
        hosts: names and addresses under which the page may be asked for.
        secure: whether it is served over TLS.
        loopback: whether only this machine reaches it.
        own_token: lets a browser on this machine in, again and again; None for none.
        show_label: whether a sample's label may stand in a title; it may name a person.
        keep_uploads_min: how long pictures from outside are kept.
        upload_mb, upload_megapixels: how large they may be.
        config: file of settings instead of the usual ones, for the letterhead of reports; None for these.
    """

    database: Path
    door: Path
    folder: Path
    hosts: frozenset[str] = LOOPBACK
    secure: bool = False
    loopback: bool = True
    own_token: str | None = None
    show_label: bool = False
    keep_uploads_min: int = 60
    upload_mb: int = 20
    upload_megapixels: int = 40
    config: Path | None = None


@dataclass(slots=True)
class Place:
    """Made once by `app.make_app`; `pages.place_of(request)` gives it to a page.

    Attributes:
        around: what the page was started with.
        commands: asks at the door for changes, and for the state.
        feed: the live picture, asked for once for all who look on.
        pulse: what has changed, told to all who listen.
        judge: pictures from outside.
    """

    around: Surroundings
    assets: Assets = field(init=False)
    devices: Devices = field(init=False)
    pairing: Pairing = field(init=False)
    rates: Rates = field(init=False)
    commands: DoorClient = field(init=False)
    feed: Feed = field(init=False)
    pulse: Pulse = field(init=False)
    judge: Judge = field(init=False)
    examinations: Examinations = field(default_factory=Examinations)

    def __post_init__(self) -> None:
        around = self.around
        self.assets = Assets()
        self.devices = Devices(around.folder)
        self.pairing = Pairing(around.folder, around.own_token)
        self.rates = Rates()
        self.judge = Judge(around.folder / "uploads", 60.0 * around.keep_uploads_min, around.upload_megapixels)
        self.commands = DoorClient(around.door, "page")
        self.feed = Feed(DoorClient(around.door, "page"))
        self.pulse = Pulse(around.database, DoorClient(around.door, "page"))

    @property
    def hosts(self) -> frozenset[str]:
        """Names and addresses under which the page may be asked for."""
        return self.around.hosts

    @property
    def cookie(self) -> str:
        """The name of the device's cookie. The prefix makes browsers refuse it without TLS and from other hosts."""
        return "__Host-hemato-edge" if self.around.secure else "hemato-edge"

    @property
    def plain(self) -> bool:
        """Whether others on the network can read along: every page then says so."""
        return not self.around.secure and not self.around.loopback

    def reader(self) -> Reader:
        """A reader of the store, to be closed again: `with place.reader() as reader`.

        Raises:
            StoreError: there is no database yet, or it cannot be read.
        """
        return Reader(self.around.database)

    def close(self) -> None:
        """Hang up at the door."""
        self.commands.close()
        self.feed.close()
        self.pulse.close()
