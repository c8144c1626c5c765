"""What the service manager hears, over real sockets: nothing but real progress keeps the watchdog quiet."""

from __future__ import annotations

import socket
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest
from notify_socket import NotifySocket
from waiting import DEADLINE_S

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.recovery.guarded import GuardedCamera
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.pipeline.running import recorder
from hemato_edge.pipeline.running.daemon import Daemon, Limits
from hemato_edge.pipeline.running.notify import Notifier, Watchdog
from hemato_edge.store.records import SessionStart, Totals
from hemato_edge.store.writer import open_writer
from hemato_edge.values import Quality

TOTALS = Totals(3, 7, 20, 11, 300, 20, {}, {"out_of_focus": 2}, 1, {})


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def manager(tmp_path: Path):
    with NotifySocket(tmp_path / "notify") as manager:
        yield manager


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watchdog(manager: NotifySocket, clock: Clock) -> Watchdog:
    return Watchdog(Notifier(manager.address), clock)


def feeds(manager: NotifySocket) -> int:
    return sum("WATCHDOG" in message for message in manager.waiting())


def test_a_message_is_lines_and_a_value_is_never_two(manager: NotifySocket) -> None:
    Notifier(manager.address).send(READY=1, STATUS="one\nWATCHDOG=1")
    assert manager.next() == {"READY": "1", "STATUS": "one WATCHDOG=1"}


def test_abstract_sockets_are_spoken_to() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("")  # the kernel picks an abstract name
        receiver.settimeout(10)
        Notifier("@" + receiver.getsockname()[1:].decode()).send(READY=1)
        assert receiver.recv(100) == b"READY=1"


def test_a_manager_that_is_gone_does_not_end_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Notifier(str(tmp_path / "nobody")).send(READY=1)
    assert "READY" in caplog.text


def test_no_child_inherits_the_socket() -> None:
    environment = {"NOTIFY_SOCKET": "/run/x", "HOME": "/"}
    assert Notifier.from_environment(environment).listening
    assert environment == {"HOME": "/"}
    assert not Notifier.from_environment(environment).listening
    assert not Notifier.from_environment({"NOTIFY_SOCKET": ""}).listening


def test_a_commit_feeds_only_if_a_frame_was_analysed_before_it(manager, watchdog: Watchdog, clock: Clock) -> None:
    watchdog.analysed()
    watchdog.committed(TOTALS)
    assert manager.waiting() == []  # not started: the camera is not open
    watchdog.started(TOTALS)
    assert manager.next()["READY"] == "1"
    clock.now += 10
    watchdog.committed(TOTALS)
    assert feeds(manager) == 1  # the frame of before
    for _ in range(5):
        clock.now += 10
        watchdog.committed(TOTALS)
    assert feeds(manager) == 0
    watchdog.analysed()
    assert feeds(manager) == 0
    watchdog.committed(TOTALS)
    assert feeds(manager) == 1


def test_it_is_not_fed_more_often_than_once_a_second(manager, watchdog: Watchdog, clock: Clock) -> None:
    watchdog.started(TOTALS)
    for _ in range(30):
        clock.now += 0.1
        watchdog.analysed()
        watchdog.committed(TOTALS)
    assert feeds(manager) in (3, 4)  # with that of the start


def test_steps_that_bring_the_camera_back_feed_and_are_told(manager, watchdog: Watchdog, clock: Clock) -> None:
    watchdog.started(TOTALS)
    manager.waiting()
    watchdog.camera("recovering", "try 3")
    message = manager.next()
    assert message["WATCHDOG"] == "1"
    assert message["STATUS"].endswith("camera recovering (try 3)")
    clock.now += 60
    watchdog.committed(TOTALS)
    assert "WATCHDOG" not in manager.next()  # only the status: no frame came
    clock.now += 60
    watchdog.analysed()
    watchdog.committed(TOTALS)
    assert manager.next()["STATUS"].endswith("camera live")


def test_the_status_tells_the_counts(manager, watchdog: Watchdog) -> None:
    watchdog.started(TOTALS)
    assert manager.next()["STATUS"] == (
        "session 3: 11 white cells, 7 fields, 20 frames, 2 rejected, 1 dropped; camera live"
    )


def test_the_end_is_told_once_and_nothing_after_it(manager, watchdog: Watchdog, clock: Clock) -> None:
    watchdog.started(TOTALS)
    watchdog.stopping("stopped by SIGTERM")
    watchdog.stopping("stopped by SIGTERM")
    clock.now += 60
    watchdog.analysed()
    watchdog.committed(TOTALS)
    watchdog.camera("failed")
    assert [sorted(message) for message in manager.waiting()] == [
        ["READY", "STATUS", "WATCHDOG"],
        ["STATUS", "STOPPING"],
    ]


def test_a_wait_before_the_start_is_asked_for(manager, watchdog: Watchdog) -> None:
    watchdog.waiting("waiting 20 s", 110.0)
    assert manager.next() == {"EXTEND_TIMEOUT_USEC": "110000000", "STATUS": "waiting 20 s"}


class Analyzer(FieldAnalyzer):
    """Rejects every frame, as one that is out of focus; from frame `hangs_at` on it never answers."""

    def __init__(self, hangs_at: int) -> None:
        self.look = None
        self.leukocytes = 0
        self.seen = 0
        self.hangs_at = hangs_at
        self.hangs = threading.Event()
        self.release = threading.Event()

    def analyze(self, frame):
        self.seen += 1
        if self.seen >= self.hangs_at:
            self.hangs.set()
            self.release.wait(DEADLINE_S)
        return Quality("out_of_focus")

    def tallies(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        return None


class PatientCamera(DemoCamera):
    """Opens only when it is told to."""

    def __init__(self) -> None:
        super().__init__(1, still=True)
        self.may_open = threading.Event()

    def open(self) -> None:
        self.may_open.wait(DEADLINE_S)
        super().open()


def test_through_the_daemon(manager, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready when the camera is open; fed while frames come, rejected ones too; never while the analysis hangs."""
    monkeypatch.setattr(recorder, "TALLY_EVERY_S", 0.01)
    camera, analyzer, watchdog = PatientCamera(), Analyzer(hangs_at=6), Watchdog(Notifier(manager.address), clock)
    start = SessionStart("demo", "", None, "m", "0" * 64, {}, {}, datetime.now(timezone.utc), 0.0)
    with open_writer(tmp_path / "x.db") as writer:
        daemon = Daemon(
            GuardedCamera(camera), analyzer, writer, lambda: writer.start_session(start), Limits(), watchdog=watchdog
        )
        thread = threading.Thread(target=daemon.run, kwargs={"every_s": 0.01})
        thread.start()
        with pytest.raises(TimeoutError):
            manager.next(0.3)
        camera.may_open.set()
        assert manager.next()["READY"] == "1"
        clock.now += 10
        manager.until("WATCHDOG")
        assert analyzer.hangs.wait(DEADLINE_S)
        clock.now += 10
        manager.until("STATUS")  # may still be for the frame before
        for _ in range(3):
            clock.now += 10
            assert "WATCHDOG" not in manager.until("STATUS")  # committed, but nothing was analysed
        daemon.stop("enough")
        assert "enough" in manager.until("STOPPING")["STATUS"]
        analyzer.release.set()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
