"""What `systemctl show` prints, as systemd 252 and 249 print it, and the database beside it."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from hemato_edge.service.status import drift, last_session, service_state
from hemato_edge.store.records import SessionStart
from hemato_edge.store.writer import open_writer

RUNNING = """\
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
Result=success
ExecMainStatus=0
MainPID=73
NRestarts=2
StatusText=session 1: 3 white cells, 1 fields, 5 frames, 0 rejected, 0 dropped; camera live
ActiveEnterTimestamp=Sat 2026-11-21 03:13:26 UTC
WatchdogUSec=1min 30s
WatchdogTimestampMonotonic=23450000000
MemoryCurrent=214958080
TasksCurrent=11
NeedDaemonReload=no
"""
MISSING = """\
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
Result=success
ExecMainStatus=0
MainPID=0
NRestarts=0
StatusText=
ActiveEnterTimestamp=
WatchdogUSec=infinity
WatchdogTimestampMonotonic=0
MemoryCurrent=[not set]
TasksCurrent=18446744073709551615
NeedDaemonReload=no
"""


def properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_a_running_service() -> None:
    state = service_state(properties(RUNNING), 23452.5)
    assert state.runs
    assert (state.installed, state.enabled, state.pid, state.restarts) == (True, True, 73, 2)
    assert state.camera == "live"
    assert (state.fed_s, state.watchdog_s) == (2.5, 90.0)
    assert (state.memory_mb, state.tasks) == (215.0, 11)
    assert state.notes == []


def test_nothing_installed() -> None:
    state = service_state(properties(MISSING), 1.0)
    assert not state.runs
    assert not state.installed
    assert (state.camera, state.fed_s, state.watchdog_s, state.memory_mb, state.tasks) == (None,) * 5


@pytest.mark.parametrize("camera", ["live", "stalled", "recovering", "failed"])
def test_the_cameras_state_is_the_one_the_program_tells(camera: str) -> None:
    text = RUNNING.replace("camera live", f"camera {camera} (try 3)")
    assert service_state(properties(text), 0.0).camera == camera


def test_waiting_to_be_restarted() -> None:
    text = RUNNING.replace("ActiveState=active", "ActiveState=activating").replace("running", "auto-restart")
    state = service_state(properties(text.replace("=success", "=watchdog")), 0.0)
    assert not state.runs
    assert (state.sub, state.result) == ("auto-restart", "watchdog")


def test_a_changed_unit_wants_a_reload() -> None:
    assert "daemon-reload" in service_state(properties(RUNNING.replace("Reload=no", "Reload=yes")), 0.0).notes[0]


def test_the_last_session_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    assert last_session({"store.path": str(path)}) == {"path": str(path), "error": "it does not exist yet"}
    with open_writer(path) as writer:
        start = SessionStart("demo", "", None, "m", "0" * 64, {}, {}, datetime.now(timezone.utc), time.monotonic())
        session = writer.start_session(start)
        writer.commit_tallies(session, {"frames": 12, "dropped": 3})
        found = last_session({"store.path": str(path)})
    assert (found["session"], found["state"], found["frames"], found["dropped"]) == (1, "running", 12, 3)


def test_a_damaged_database_is_told_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("no database" * 100)
    assert str(path) in str(last_session({"store.path": str(path)})["error"])


def test_an_installation_of_another_configuration_is_noticed() -> None:
    assert "service install" in drift({})[0]  # nothing is installed here, so it differs
