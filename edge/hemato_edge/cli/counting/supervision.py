"""What `run` does for whoever supervises it: its turn after failed starts, signals, log levels, word in the journal."""

from __future__ import annotations

import faulthandler
import logging
import signal
import sys
import time
from typing import TYPE_CHECKING

import typer

from hemato_edge.cli.entry import interrupt
from hemato_edge.journal import FIELDS, journal_handler, log_level, remember

if TYPE_CHECKING:
    from collections.abc import Callable

    from hemato_edge.pipeline.running.daemon import Daemon
    from hemato_edge.pipeline.running.notify import Watchdog
    from hemato_edge.pipeline.running.reloading import Reloader
    from hemato_edge.service.spacing import StartSpacing
    from hemato_edge.settings import Resolved, Settings
    from hemato_edge.store.records import Totals

START_S = 90.0
"""How long a start may take after the wait, as in the unit."""
_log = logging.getLogger("hemato_edge.run")


def begin_loading() -> None:
    """Settle what has to be before the run's modules are loaded: one arena, and no search for garbage meanwhile."""
    from hemato_edge.cli.collection import pause_collection
    from hemato_edge.device.process import keep_one_arena

    keep_one_arena()
    pause_collection()


def await_turn() -> tuple[StartSpacing, Watchdog]:
    """Wait as long as failed starts before this one demand; at once where no service manager started us."""
    from hemato_edge.pipeline.running.notify import Notifier, Watchdog
    from hemato_edge.service.spacing import StartSpacing

    notifier = Notifier.from_environment()
    watchdog = Watchdog(notifier)
    spacing = StartSpacing.from_environment() if notifier.listening else StartSpacing(None)
    if notifier.listening:
        faulthandler.enable()  # systemd's watchdog aborts with SIGABRT: where it hung is then in the journal
    failed, delay_s = spacing.begin()
    if delay_s > 0:
        what = f"waiting {delay_s:.0f} s after {failed} starts that failed; stop and start the service to go on at once"
        _log.warning("%s", what)
        watchdog.waiting(what, delay_s + START_S)
        time.sleep(delay_s)
    return spacing, watchdog


def apply_log_level(context: typer.Context, settings: Settings) -> None:
    """Log as -v, -q or the settings say."""
    flags = context.find_root().params
    logging.getLogger().setLevel(log_level(flags["verbose"], quiet=flags["quiet"], setting=settings.log.level))


def make_reloader(
    context: typer.Context,
    resolved: Resolved,
    read: Callable[[], Resolved],
    daemon: Daemon,
    watchdog: Watchdog,
) -> Reloader:
    """What SIGHUP does to this run."""
    from hemato_edge.pipeline.running.reloading import Reloader
    from hemato_edge.vision.quality import QualityGate

    return Reloader(
        resolved,
        read,
        {
            "quality": lambda settings: daemon.use_gate(QualityGate(**settings.quality.model_dump())),
            "log": lambda settings: apply_log_level(context, settings),
        },
        daemon.note,
        watchdog,
    )


def listen(daemon: Daemon, reloader: Reloader) -> list[str]:
    """Let signals end the run or reload its settings; returns a list that the reason of the first end is put into.

    SIGHUP ends the run where a terminal holds it: there it says that the terminal is gone.
    """
    reasons: list[str] = []

    def end(number: int, _: object) -> None:
        reasons.append(f"stopped by {signal.Signals(number).name}")
        daemon.stop(reasons[0])

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    signal.signal(signal.SIGHUP, end if sys.stdin is not None and sys.stdin.isatty() else lambda *_: reloader.request())
    return reasons


def listen_no_more() -> None:
    """Between two runs of this process a signal ends it at once: nothing is recorded then."""
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def say(text: str) -> None:
    """A line for the person at the terminal, or in the journal."""
    if journal_handler() is None:
        typer.echo(text, err=True)
    else:
        _log.info("%s", text)


def say_begun(session: int, camera: str) -> int:
    """Log that a session has begun, and mark all further lines of the journal with it. Returns its number."""
    remember(session=session, camera=camera)
    _log.info("session %d has begun with camera %s", session, camera)
    return session


def tell(totals: Totals | None) -> bool:
    """Put the counts of a session that has ended into the journal, as one line; False if nobody reads it there."""
    if journal_handler() is None or totals is None:
        return False
    counts = {"wbc": totals.wbc, "rbc": totals.rbc, "platelet": totals.platelet, "fields": totals.fields}
    labels = ", ".join(f"{label} {count}" for label, count in totals.labels.items() if count)
    _log.info("session %d: %d white cells (%s)", totals.session, totals.wbc, labels or "none", extra={FIELDS: counts})
    return True
