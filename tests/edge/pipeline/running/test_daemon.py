"""The daemon on real parts: the drawn slide, the shipped classifier, a real database; and cameras that fail."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

import pytest
from waiting import DEADLINE_S

from hemato_edge.cameras.camera import EndOfFrames, Noise
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.recovery.guarded import GuardedCamera
from hemato_edge.errors import CameraError, StoreError
from hemato_edge.labels import LEUKOCYTES
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.pipeline.running.analysis import Analysis
from hemato_edge.pipeline.running.daemon import Daemon, Limits
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import SessionStart
from hemato_edge.store.writer import Writer, open_writer
from hemato_edge.values import Frame
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_edge.vision.quality import QualityGate


@pytest.fixture(scope="module")
def classifier():
    return load_classifier()


@pytest.fixture
def writer(tmp_path: Path):
    with open_writer(tmp_path / "counts.db") as writer:
        yield writer


def start(writer: Writer) -> int:
    return writer.start_session(
        SessionStart("test", "", None, "m", "0" * 64, {}, {}, datetime.now(timezone.utc), time.monotonic())
    )


def make_daemon(
    camera, classifier, writer: Writer, limits: Limits | None = None, read_timeout_s: float = 5.0
) -> Daemon:
    analyzer = FieldAnalyzer(QualityGate(), OpenCvLocator(), classifier)
    guard = GuardedCamera(camera, read_timeout_s=read_timeout_s)
    return Daemon(guard, analyzer, writer, lambda: start(writer), limits or Limits())


@cache
def drawn_frames() -> tuple[Frame, ...]:
    """Frames of a still slide, drawn before any deadline runs: the first takes a second on a busy machine."""
    source = DemoCamera(1, still=True)
    source.open()
    return tuple(source.read(60.0) for _ in range(8))


class ScriptedCamera:
    """A camera over demo frames that does what its script says: wait, hang, fail; live, so that its guard looks on."""

    name = "scripted"
    noise = Noise.NONE
    total_frames = None

    def __init__(self, frames: int, pause_s: float = 0.0, then: str = "end", *, live: bool = True) -> None:
        self.live = live
        self.skipped: Counter[str] = Counter()
        self._drawn = drawn_frames()
        self._frames, self._pause_s, self._then = frames, pause_s, then
        self._given = 0
        self.hanging, self.released = threading.Event(), threading.Event()
        self.closed = False

    def open(self) -> None:
        if self._then == "missing":
            message = "no camera here"
            raise CameraError(message, "plug one in")

    def read(self, timeout_s: float) -> Frame:
        if self._given < self._frames:
            self._given += 1
            time.sleep(self._pause_s)
            frame = self._drawn[self._given % len(self._drawn)]
            return replace(frame, index=self._given - 1, monotonic_s=time.monotonic(), utc=datetime.now(timezone.utc))
        if self._then == "hang":
            self.hanging.set()
            self.released.wait(DEADLINE_S)
            self.hanging.clear()
        if self._then == "fail":
            message = "unplugged"
            raise CameraError(message, "plug it in")
        if self._then == "crash":
            message = "a bug in a driver binding"
            raise RuntimeError(message)
        raise EndOfFrames

    def close(self) -> None:
        self.closed = True


def test_counts_the_demo_slide_and_what_was_shown_is_on_disk(classifier, writer: Writer) -> None:
    daemon = make_daemon(DemoCamera(1), classifier, writer, Limits(leukocytes=12))
    shown = []
    outcome = daemon.run(shown.append, every_s=0.02)
    assert outcome.reason == "the target of 12 white cells was reached"
    assert sum(outcome.totals.labels.get(label, 0) for label in LEUKOCYTES) >= 12
    assert outcome.totals.wbc >= 12
    assert outcome.totals.rbc > 50
    # a second connection, as after a power cut, sees at least what was shown last
    with closing(sqlite3.connect(writer.path)) as other:
        (fields,) = other.execute("SELECT count(*) FROM fields").fetchone()
        (cells,) = other.execute("SELECT count(*) FROM cells").fetchone()
    assert fields == outcome.totals.fields >= max(t.fields for t in shown)
    assert cells == sum(outcome.totals.labels.values())
    with Reader(writer.path) as reader:
        assert reader.session(None).red_cell_px == pytest.approx(72, rel=0.1)
    assert [t.wbc for t in shown] == sorted(t.wbc for t in shown)


def test_a_still_slide_is_counted_once(classifier, writer: Writer) -> None:
    camera = DemoCamera(1, still=True, frames=80)
    first = make_daemon(camera, classifier, writer, Limits(frames=10)).run().totals
    whole = make_daemon(DemoCamera(1, still=True, frames=80), classifier, writer).run().totals
    assert whole.frames == 80
    assert sum(first.labels.values()) == len([t for t in camera.truth_seen(9) if t.kind == "wbc"])
    assert (whole.labels, whole.rbc) == (first.labels, first.rbc)


def test_max_frames_and_the_end_of_the_frames(classifier, writer: Writer) -> None:
    limited = make_daemon(DemoCamera(2), classifier, writer, Limits(frames=7)).run()
    assert (limited.totals.frames, limited.reason) == (7, "7 frames were read")
    ended = make_daemon(ScriptedCamera(3), classifier, writer).run()
    assert (ended.totals.frames, ended.reason) == (3, "the camera has no more frames")


def test_duration_and_stop_end_in_order(classifier, writer: Writer) -> None:
    timed = make_daemon(ScriptedCamera(10_000, 0.01), classifier, writer, Limits(duration_s=1.0)).run()
    assert timed.reason == "1 s are over"
    daemon = make_daemon(ScriptedCamera(10_000, 0.01), classifier, writer)
    threading.Timer(1.5, daemon.stop, ["enough"]).start()
    outcome = daemon.run()
    assert outcome.reason == "enough"
    assert outcome.totals.frames > 0


def test_a_fast_live_camera_drops_frames_and_counts_them(classifier, writer: Writer) -> None:
    totals = make_daemon(ScriptedCamera(300), classifier, writer).run().totals
    assert totals.frames == 300
    assert totals.dropped > 0


def test_files_wait_and_drop_nothing(classifier, writer: Writer) -> None:
    assert make_daemon(DemoCamera(1, frames=40), classifier, writer).run().totals.dropped == 0


@pytest.mark.parametrize(
    ("then", "error", "said"),
    [("fail", CameraError, "unplugged"), ("missing", CameraError, "no camera here"), ("crash", RuntimeError, "a bug")],
)
def test_a_failing_camera_ends_the_run_and_keeps_the_counts(classifier, writer, then, error, said: str) -> None:
    camera = ScriptedCamera(6, 0.1, then=then, live=False)  # a live one would be brought back
    daemon = make_daemon(camera, classifier, writer)
    with pytest.raises(error, match=said):
        daemon.run()
    assert camera.closed
    if then == "missing":  # no empty session is left behind
        assert daemon.session is None
        with closing(sqlite3.connect(writer.path)) as other:
            assert other.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    else:
        assert daemon.totals is not None
        assert daemon.totals.wbc >= 1


def test_a_read_that_blocks_does_not_hold_up_the_end(classifier, writer: Writer) -> None:
    """A service has 5 s: the end waits for a blocked read for `STOP_WAIT_S`, not for its time limit."""
    camera = ScriptedCamera(4, 0.05, then="hang")
    daemon = make_daemon(camera, classifier, writer, read_timeout_s=2 * DEADLINE_S)

    def stop_in_the_hang() -> None:
        camera.hanging.wait(DEADLINE_S)
        daemon.stop("stopped by SIGTERM")

    threading.Thread(target=stop_in_the_hang).start()
    assert daemon.run().reason == "stopped by SIGTERM"
    assert camera.hanging.is_set()  # the read has not returned
    camera.released.set()


def test_a_store_that_fails_ends_the_run(classifier, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        message = "The disk is full."
        raise StoreError(message, "free some space")

    daemon = make_daemon(DemoCamera(1), classifier, writer)
    monkeypatch.setattr(Writer, "commit_fields", full)
    with pytest.raises(StoreError, match="disk is full"):
        daemon.run()
    assert daemon.totals is not None
    assert daemon.totals.fields == 0


def test_a_slow_disk_puts_three_fields_at_risk_at_most(
    classifier, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was analysed and is not on disk is what a power cut takes: bounded, however slow the disk is."""
    handed, on_disk, most, batches = 0, 0, 0, []
    hand_over, commit = Analysis._hand_over, Writer.commit_fields

    def counted(self: Analysis, result: object) -> None:
        nonlocal handed, most
        most = max(most, handed - on_disk)
        handed += 1
        hand_over(self, result)  # type: ignore[arg-type]

    def slow(self: Writer, session: int, fields, tallies):  # type: ignore[no-untyped-def]
        nonlocal on_disk
        time.sleep(0.3)
        totals = commit(self, session, fields, tallies)
        batches.append(len(fields))
        on_disk += len(fields)
        return totals

    monkeypatch.setattr(Analysis, "_hand_over", counted)
    monkeypatch.setattr(Writer, "commit_fields", slow)
    daemon = make_daemon(DemoCamera(1), classifier, writer, Limits(frames=60))
    outcome = daemon.run()
    assert handed > 6
    assert most <= 3
    assert outcome.totals.fields == sum(batches) == on_disk
