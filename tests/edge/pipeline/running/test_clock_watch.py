"""A clock that is set while a session runs is noticed at once: by whoever looks on, in the log and in the record."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from recorded import session_start

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.recovery.guarded import GuardedCamera
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.pipeline.running import daemon as daemon_module
from hemato_edge.pipeline.running.clock_watch import WARNING, ClockWatch
from hemato_edge.pipeline.running.daemon import Daemon, Limits
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.text import report_lines
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_edge.vision.quality import QualityGate

if TYPE_CHECKING:
    from pathlib import Path


class Clocks:
    """A wall clock that can be set, and one that cannot."""

    def __init__(self) -> None:
        self.passed_s, self.set_by_s = 0.0, 0.0

    def wall(self) -> float:
        return 1_800_000_000.0 + self.passed_s + self.set_by_s

    def monotonic(self) -> float:
        return 50.0 + self.passed_s


@pytest.mark.parametrize("by_s", [3600.0, -3600.0, 3.0, -3.0])
def test_a_clock_that_is_set_is_noticed_once_and_told_each_time(by_s: float, caplog: pytest.LogCaptureFixture) -> None:
    clocks, noted = Clocks(), []
    watch = ClockWatch(noted.append, clocks.wall, clocks.monotonic)
    clocks.passed_s += 0.25
    assert watch.look() == 0.0
    clocks.set_by_s = by_s
    assert watch.look() == pytest.approx(by_s)
    assert watch.look() == 0.0
    clocks.set_by_s = 0.0
    assert watch.look() == pytest.approx(-by_s)
    assert noted == [WARNING]
    assert [("set forward" if by_s > 0 else "set back") in record.message for record in caplog.records] == [True, False]


@pytest.mark.parametrize("passed_s", [0.25, 4000.0])
def test_a_clock_that_is_slewed_is_not_set(passed_s: float) -> None:
    clocks, noted = Clocks(), []
    watch = ClockWatch(noted.append, clocks.wall, clocks.monotonic)
    clocks.passed_s += passed_s
    clocks.set_by_s += 400e-6 * passed_s
    assert watch.look() == 0.0
    assert noted == []


def test_it_stands_in_what_a_run_shows_and_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path, set_by = tmp_path / "counts.db", [0.0]
    watched = lambda note: ClockWatch(note, wall=lambda: time.time() + set_by[0])  # noqa: E731 - as the class is called
    monkeypatch.setattr(daemon_module, "ClockWatch", watched)
    start = session_start(utc=datetime.now(timezone.utc), monotonic_s=time.monotonic())
    with open_writer(path) as writer:
        analyzer = FieldAnalyzer(QualityGate(), OpenCvLocator(), load_classifier())
        run = Daemon(
            GuardedCamera(DemoCamera(1, still=True), read_timeout_s=60.0),
            analyzer,
            writer,
            lambda: writer.start_session(start),
            Limits(frames=100_000),
        )

        def show(_: object) -> None:
            set_by[0] = 7200.0
            if WARNING in run.current_tallies():
                run.stop("seen")

        outcome = run.run(show, every_s=0.02)
        writer.end_session(outcome.totals.session, "finished", datetime.now(timezone.utc))
    assert WARNING in run.tallies
    assert "the clock was set forward by 2 h" in caplog.text
    with Reader(path) as reader:
        lines = "\n".join(report_lines(build_report(reader)))
    assert "WARNING: the clock was set while the session ran" in lines
