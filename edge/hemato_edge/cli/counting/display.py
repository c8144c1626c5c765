"""What a running session shows: a live table in a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import logging
import select
import sys
import time
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from rich.live import Live

    from hemato_edge.cameras.recovery.guarded import GuardedCamera
    from hemato_edge.store.records import Totals

LINE_EVERY_S = 5.0
"""How often a plain line is printed where there is no terminal."""
_LABEL_LETTERS = 40
"""Of a label in the live table, which is read from 45 columns on; the report has the whole."""
_log = logging.getLogger("hemato_edge.run")


class Display:
    """Shows committed totals while a session runs. That nobody can read it any more never ends the count.

    Args:
        camera: what is looked through.
        refresh_hz: how often the table is drawn, per second.
        silent: show nothing.
        label: the sample's.
        verified: whether the microscope is, in one line.
        confusion: the classifier's matrix, by which the classes are known that it has not; None without one.
    """

    def __init__(
        self,
        camera: GuardedCamera,
        refresh_hz: float,
        *,
        silent: bool,
        label: str = "",
        verified: str = "",
        confusion: tuple[tuple[int, ...], ...] | None = None,
    ) -> None:
        self._verified = verified
        self._confusion = confusion
        self.every_s = 1 / refresh_hz
        self._camera = camera
        self._silent = silent
        self._label = label
        self._live: Live | None = None
        self._started = self._printed = time.monotonic()
        self._shown: tuple[Totals, int] | None = None

    def __enter__(self) -> None:
        if not self._silent and sys.stdout.isatty():
            from rich.live import Live

            self._live = Live(transient=True, auto_refresh=False)
            self._live.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._live is not None:
            try:
                self._live.stop()
            except OSError as gone:
                self._give_up(gone)

    def show(self, totals: Totals, tallies: Mapping[str, int]) -> None:
        """Draw what is on disk now."""
        if self._silent or not _takes_more():
            return
        try:
            if self._live is not None:
                self._draw(self._live, totals, tallies)
            else:
                self._print(totals, tallies)
        except OSError as gone:  # the terminal was closed, the pipe's reader has left, the disk behind it is full
            self._give_up(gone)

    def _give_up(self, gone: OSError) -> None:
        self._silent, self._live = True, None
        _log.warning("nothing more is shown, the count goes on: standard output: %s", gone.strerror)

    def _draw(self, live: Live, totals: Totals, tallies: Mapping[str, int]) -> None:
        from hemato_edge.labels import CLASSIFIER_LABELS
        from hemato_edge.site.record import unanswered
        from hemato_edge.views.report.field_of_view import field_of_view_line
        from hemato_edge.views.report.figures import printable
        from hemato_edge.views.report.formats.live import live_table
        from hemato_edge.views.report.incidents import tracking_line, tracking_summary

        health, elapsed_s = self._camera.health, time.monotonic() - self._started
        status: dict[str, object] = {
            "Label": printable(self._label, _LABEL_LETTERS) or None,
            "Camera": f"{self._camera.name}, {health.status_line()}" if self._camera.live else self._camera.name,
            "Frames": frames_left(totals.frames, self._camera.total_frames, elapsed_s),
            "Field of view": field_of_view_line(tallies) or None,
            "Tracking": tracking_line(tracking_summary(tallies)) or "holds",
            "Warning": ", ".join(name.partition(":")[2] for name in tallies if name.startswith("warning:")) or None,
            "Checked": self._verified or None,
            "Running": f"{elapsed_s:.0f} s, Ctrl-C ends it",
        }
        unknown = unanswered(CLASSIFIER_LABELS, self._confusion, totals)
        live.update(live_table(totals, status, unknown), refresh=True)

    def _print(self, totals: Totals, tallies: Mapping[str, int]) -> None:
        from hemato_edge.views.report.formats.live import progress_line
        from hemato_edge.views.report.incidents import tracking_line, tracking_summary

        now, health = time.monotonic(), self._camera.health
        if now - self._printed < LINE_EVERY_S or (totals, health.changed) == self._shown:
            return
        camera = f"camera {health.status_line()}" if health.fault is not None else ""
        notes = [note for note in (camera, tracking_line(tracking_summary(tallies))) if note]
        typer.echo("  ".join([progress_line(totals), *notes]))
        self._printed, self._shown = now, (totals, health.changed)


def _takes_more() -> bool:
    """Whether standard output takes more without waiting: a person may have stopped the terminal (Ctrl-S)."""
    try:
        return bool(select.select([], [sys.stdout.fileno()], [], 0)[1])
    except (OSError, ValueError):  # it is closed, or none that can be asked: writing will tell
        return True


def frames_left(done: int, total: int | None, elapsed_s: float) -> str:
    """How many frames are done; of a video or a folder also how many and how much time is left, at the pace so far."""
    from hemato_edge.views.report.figures import duration

    if not total:
        return str(done)
    left = max(0, total - done)
    if not done or not left:
        return f"{done} of {total}"
    return f"{done} of {total}, {left} left, about {duration(elapsed_s / done * left)}"


def ring() -> None:
    """The terminal's bell, on standard error, so that a report on standard output stays clean."""
    try:
        sys.stderr.write("\a")
        sys.stderr.flush()
    except OSError:  # nobody is there to hear it
        _log.debug("the bell could not be rung")
