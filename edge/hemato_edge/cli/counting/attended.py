"""What `run` opens for a person who looks on: the viewfinder, the door, and, with --wait, the time before a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from hemato_edge.door.server import Door
    from hemato_edge.errors import HematoEdgeError
    from hemato_edge.pipeline.commands.run import RunCommands
    from hemato_edge.pipeline.running.daemon import Daemon
    from hemato_edge.pipeline.running.notify import Watchdog
    from hemato_edge.pipeline.running.reloading import Reloader
    from hemato_edge.pipeline.running.standby import Renewal, Standby
    from hemato_edge.pipeline.running.viewfinder import Viewfinder
    from hemato_edge.settings import Resolved


class Attendance:
    """Nothing, and nothing loaded for it, unless the door is enabled or the run waits. A context manager.

    Args:
        resolved: the effective settings, and their file.
        wait: hold the run until a session is started at the door.
        watchdog: fed while it waits.

    Attributes:
        viewer: shown each frame; None without a door.
        hold: what the run waits for; None if it begins at once.
    """

    def __init__(self, resolved: Resolved, *, wait: bool, watchdog: Watchdog) -> None:
        settings = resolved.settings
        self._settings, self._file = settings, resolved.file
        self._desk: RunCommands | None = None
        self._door: Door | None = None
        self.viewer: Viewfinder | None = None
        self.hold: Standby | None = None
        if not wait and not settings.door.enabled:
            return
        from hemato_edge.pipeline.running.standby import Standby
        from hemato_edge.pipeline.running.viewfinder import Viewfinder
        from hemato_edge.vision.quality import QualityGate

        self.viewer = Viewfinder()
        if wait:
            self.hold = Standby(QualityGate(**settings.quality.model_dump()), self.viewer, watchdog)

    def ordered(self, label: str, target: int | None) -> tuple[str, int | None]:
        """Label and target of the session: those that were ordered, else these."""
        if self.hold is None or self.hold.order is None:
            return label, target
        return self.hold.order.label, self.hold.order.target

    @property
    def renewal(self) -> Renewal | None:
        """What the run is to begin anew with; None where it has ended as it should."""
        return None if self.hold is None else self.hold.renewal

    def open(self, daemon: Daemon, model_sha256: str, reloader: Reloader, read: Callable[[], Resolved]) -> None:
        """Open the door of a run that is about to begin.

        Args:
            daemon: the run.
            model_sha256: of the classifier that answers.
            reloader: takes changed settings over; asked now and then while it waits.
            read: reads the settings anew.

        Raises:
            OutletError: the door cannot be opened.
        """
        if self.viewer is None:
            return
        from hemato_edge.door.location import default_door
        from hemato_edge.door.server import Door
        from hemato_edge.pipeline.commands.microscope import MicroscopeCommands
        from hemato_edge.pipeline.commands.run import RunCommands
        from hemato_edge.pipeline.commands.settings import SettingsCommands
        from hemato_edge.store.seal import find_key

        if self.hold is not None:
            self.hold.idle = reloader.check
        settings = self._settings
        database = settings.store.path.resolve()
        calibration = settings.calibration
        key = find_key(settings.store.chain_key_file)
        again = reloader.request
        self._desk = RunCommands(daemon, self.viewer, database, again, self.hold, profile=calibration.profile, key=key)
        microscope = MicroscopeCommands(database, calibration, model_sha256, self.viewer, self.hold, self._remember)
        kept = SettingsCommands(read, lambda: self._take_over(again))
        answers = {**self._desk.answers, **microscope.answers, **kept.answers}
        self._door = Door(settings.door.path or default_door(), answers)

    def _take_over(self, reload: Callable[[], None]) -> None:
        """Changed settings: a run that waits begins anew with them, one that counts takes over what it may."""
        if self.hold is not None and self.hold.waiting:
            self.hold.renew(self._settings.calibration.profile)
        else:
            reload()

    def _remember(self, profile: str | None) -> None:
        """The next run begins with this profile, too."""
        from hemato_edge.settings.changes import choose_profile

        choose_profile(self._file, profile)

    def begun(self, session: int) -> int:
        """Tell who started it that the session has this number; returns it."""
        if self.hold is not None:
            self.hold.begun(session)
        return session

    def ended(self, error: HematoEdgeError | None) -> None:
        """The session is closed, and all of it is on disk; or there was none."""
        if self.hold is not None and error is not None:
            self.hold.failed(error)
        if self._desk is not None:
            self._desk.ended()

    def __enter__(self) -> Attendance:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.viewer is not None:
            self.viewer.close()
        if self._door is not None:
            self._door.close()
