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
from hemato_edge.web.sources.changes import ChangeWatcher
from hemato_edge.web.sources.doctor_runs import DoctorRuns
from hemato_edge.web.sources.frame_feed import FrameFeed
from hemato_edge.web.sources.picture_jobs import PictureJobs

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class PageOptions:
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
class Services:
    """Made once by `app.make_app`; `pages.services_of(request)` gives it to a page.

    Attributes:
        options: what the page was started with.
        commands: asks at the door for changes, and for the state.
        frames: the live picture, asked for once for all who look on.
        changes: what has changed, told to all who listen.
        picture_jobs: pictures from outside.
    """

    options: PageOptions
    assets: Assets = field(init=False)
    devices: Devices = field(init=False)
    pairing: Pairing = field(init=False)
    rates: Rates = field(init=False)
    commands: DoorClient = field(init=False)
    frames: FrameFeed = field(init=False)
    changes: ChangeWatcher = field(init=False)
    picture_jobs: PictureJobs = field(init=False)
    doctor_runs: DoctorRuns = field(default_factory=DoctorRuns)

    def __post_init__(self) -> None:
        options = self.options
        self.assets = Assets()
        self.devices = Devices(options.folder)
        self.pairing = Pairing(options.folder, options.own_token)
        self.rates = Rates()
        self.picture_jobs = PictureJobs(
            options.folder / "uploads", 60.0 * options.keep_uploads_min, options.upload_megapixels
        )
        self.commands = DoorClient(options.door, "page")
        self.frames = FrameFeed(DoorClient(options.door, "page"))
        self.changes = ChangeWatcher(options.database, DoorClient(options.door, "page"))

    @property
    def hosts(self) -> frozenset[str]:
        """Names and addresses under which the page may be asked for."""
        return self.options.hosts

    @property
    def cookie(self) -> str:
        """The name of the device's cookie. The prefix makes browsers refuse it without TLS and from other hosts."""
        return "__Host-hemato-edge" if self.options.secure else "hemato-edge"

    @property
    def plain(self) -> bool:
        """Whether others on the network can read along: every page then says so."""
        return not self.options.secure and not self.options.loopback

    def reader(self) -> Reader:
        """A reader of the store, to be closed again: `with services.reader() as reader`.

        Raises:
            StoreError: there is no database yet, or it cannot be read.
        """
        return Reader(self.options.database)

    def close(self) -> None:
        """Hang up at the door."""
        self.commands.close()
        self.frames.close()
        self.changes.close()
