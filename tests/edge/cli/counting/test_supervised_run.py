"""`run` under a service manager: what it is told, and SIGTERM, SIGHUP and failed starts, as processes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from notify_socket import NotifySocket
from waiting import DEADLINE_S, until

REJECTED = "SELECT count FROM tallies WHERE name = 'rejected:out_of_focus' AND count > 20"


@pytest.fixture
def manager(tmp_path: Path):
    with NotifySocket(tmp_path / "notify") as manager:
        yield manager


@contextmanager
def supervised(manager: NotifySocket, folder: Path, *arguments: str, **variables: str):
    """`run --no-display` as systemd starts it; killed at the end if it is still there."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEMATO_EDGE_", "XDG_"))}
    environment |= {"HOME": str(folder), "NOTIFY_SOCKET": manager.address, **variables}
    process = subprocess.Popen(
        [sys.executable, "-m", "hemato_edge.cli.main", "run", "--no-display", "--db", "s.db", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{folder / 's.db'}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def test_ready_fed_and_ended_in_order_by_sigterm(manager: NotifySocket, tmp_path: Path) -> None:
    with supervised(manager, tmp_path, "--camera", "demo") as process:
        ready = manager.until("READY")
        assert ready["STATUS"].startswith("session 1:")
        assert rows(tmp_path, "SELECT state FROM sessions") == [("running",)]
        manager.until("WATCHDOG")
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, stderr
    assert "Stopped: stopped by SIGTERM." in stderr
    assert "SIGTERM" in manager.until("STOPPING", 1)["STATUS"]
    assert rows(tmp_path, "SELECT state FROM sessions") == [("finished",)]


def test_no_word_of_readiness_without_a_camera(manager: NotifySocket, tmp_path: Path) -> None:
    with supervised(manager, tmp_path, "--camera", "/dev/video97") as process:
        assert process.wait(DEADLINE_S) == 3
    assert not any("READY" in message for message in manager.waiting())


def test_sighup_takes_over_the_gate_and_records_it(manager: NotifySocket, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('[camera]\nspec = "demo"\n')
    with supervised(manager, tmp_path, "--config", "c.toml") as process:
        manager.until("READY")
        config.write_text('[camera]\nspec = "demo:2"\n[quality]\nmin_focus = 9.0\n')
        process.send_signal(signal.SIGHUP)
        manager.until("RELOADING")
        manager.until("READY")
        until(lambda: rows(tmp_path, REJECTED), "frames that are not that sharp")
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, stderr
    assert "quality.min_focus is now 9.0, before 0.12" in stderr
    assert "camera.spec = demo:2 waits for the next start" in stderr
    assert rows(tmp_path, "SELECT name FROM tallies WHERE name GLOB 'setting:*'") == [
        ("setting:quality.min_focus=9.0",)
    ]
    assert rows(tmp_path, REJECTED)


def test_a_start_after_failed_ones_waits_and_says_so(manager: NotifySocket, tmp_path: Path) -> None:
    for failed in (0, 1):
        with supervised(manager, tmp_path, "--camera", "/dev/video97", RUNTIME_DIRECTORY=str(tmp_path)) as process:
            if failed:
                message = manager.until("EXTEND_TIMEOUT_USEC")
                assert message["STATUS"].startswith("waiting 5 s after 1 starts that failed")
                assert int(message["EXTEND_TIMEOUT_USEC"]) == 95_000_000
                process.send_signal(signal.SIGTERM)  # nothing is open yet: it simply ends
                assert process.wait(DEADLINE_S) == -signal.SIGTERM
            else:
                assert process.wait(DEADLINE_S) == 3
