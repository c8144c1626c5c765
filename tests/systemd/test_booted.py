"""The service under a systemd that really runs: installed, killed, hung, reloaded and removed.

    make test-systemd        # as root; needs systemd-container and mmdebstrap, takes a minute or two

What a container cannot show: memory limits and device rules.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from machine import Machine, missing

pytestmark = pytest.mark.systemd
CONFIGURATION = "/etc/hemato-edge/config.toml"
DATABASE = "/var/lib/hemato-edge/hemato-edge.db"
DEMO = '[camera]\nspec = "demo"\n'
WAIT_S = 90.0


@pytest.fixture(scope="module")
def booted():
    if missing():
        pytest.skip(missing())
    with Machine() as machine:
        yield machine


@pytest.fixture
def machine(booted: Machine):
    """A machine without the service and without counts."""
    booted.run("mkdir -p /etc/hemato-edge")
    configure(booted, DEMO)
    yield booted
    booted.run("hemato-edge service uninstall; rm -rf /var/lib/hemato-edge /etc/systemd/system/hemato-edge.service.d")
    booted.run("rm -rf /etc/hemato-edge; journalctl --rotate -q; journalctl -q --vacuum-time=1s")


def configure(machine: Machine, text: str) -> None:
    machine.run(f"cat > {CONFIGURATION} <<'END'\n{text}\nEND")


def wait_for(what: Callable[[], object]) -> object:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not come")


def status(machine: Machine) -> dict:
    return json.loads(machine.try_run("hemato-edge service status --json").stdout)


def counted(machine: Machine, fields: int) -> dict:
    return wait_for(lambda: (s := status(machine))["database"].get("fields", 0) >= fields and s)  # type: ignore


def test_installed_ready_counting_and_confined(machine: Machine) -> None:
    machine.run("hemato-edge service install")  # returns when it is ready
    assert machine.show("ActiveState") == "active"
    state = counted(machine, 10)
    assert (state["installed"], state["enabled"], state["active"], state["camera"]) == (True, True, "active", "live")
    assert state["fed_s"] < state["watchdog_s"] == 60
    assert state["notes"] == []
    assert (state["database"]["path"], state["database"]["session"]) == (DATABASE, 1)
    process = dict(
        line.split(":\t", 1) for line in machine.run(f"cat /proc/{state['pid']}/status").splitlines() if ":\t" in line
    )
    assert (process["CapEff"], process["CapBnd"]) == ("0000000000000000", "0000000000000000")
    assert (process["NoNewPrivs"], process["Seccomp"]) == ("1", "2")
    assert machine.run(f"ps -o user= -p {state['pid']} 2>/dev/null || stat -c %U /proc/{state['pid']}").split() == [
        "hemato-edge"
    ]
    assert len(set(machine.run(f"readlink /proc/1/ns/net /proc/{state['pid']}/ns/net").split())) == 2
    assert len(set(machine.run(f"readlink /proc/1/ns/user /proc/{state['pid']}/ns/user").split())) == 2
    assert any("XNNPACK delegate" in entry["MESSAGE"] for entry in machine.journal())  # the CPU is visible


def test_the_installed_unit_is_clean(machine: Machine) -> None:
    machine.run("hemato-edge service install --no-start")
    assert machine.show("ActiveState") == "inactive"
    done = machine.try_run("systemd-analyze verify /etc/systemd/system/hemato-edge.service")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_sigterm_ends_it_in_order_within_five_seconds(machine: Machine) -> None:
    machine.run("hemato-edge service install")
    counted(machine, 5)
    began = time.monotonic()
    machine.run("systemctl stop hemato-edge")
    assert time.monotonic() - began < 5
    assert (machine.show("ActiveState"), machine.show("Result")) == ("inactive", "success")
    done = machine.try_run("hemato-edge service status --json")
    assert done.returncode == 12
    assert json.loads(done.stdout)["database"]["state"] == "finished"


def test_a_hung_process_is_killed_and_started_anew_and_keeps_its_counts(machine: Machine) -> None:
    machine.run("mkdir -p /etc/systemd/system/hemato-edge.service.d")
    override = "[Service]\\nWatchdogSec=4\\nTimeoutStopSec=2\\nTimeoutAbortSec=2\\n"
    machine.run(f"printf '{override}' > /etc/systemd/system/hemato-edge.service.d/20-test.conf")
    machine.run("hemato-edge service install")
    before = counted(machine, 10)
    time.sleep(6)
    assert status(machine)["pid"] == before["pid"]  # it is fed: longer than the watchdog's interval
    shown = status(machine)["database"]
    machine.run(f"kill -STOP {before['pid']}")
    after = wait_for(lambda: (s := status(machine))["restarts"] >= 1 and s["active"] == "active" and s)
    assert after["pid"] != before["pid"]
    assert after["database"]["session"] == 2
    killed = json.loads(machine.run(f"hemato-edge report --session 1 --format json --db {DATABASE}"))
    assert killed["session"]["state"] == "interrupted"
    assert killed["fields"] >= shown["fields"]  # what was shown is there
    assert any("watchdog" in line for line in machine.run("journalctl -u hemato-edge -o cat").lower().splitlines())


def test_where_it_hung_is_in_the_journal(machine: Machine) -> None:
    """What the watchdog sends a process that still runs."""
    machine.run("hemato-edge service install")
    pid = machine.show("MainPID")
    machine.run(f"kill -ABRT {pid}")
    wait_for(lambda: machine.show("NRestarts") == "1" and machine.show("ActiveState") == "active")
    lines = [entry["MESSAGE"] for entry in machine.journal(f"_PID={pid}")]
    assert "Fatal Python error: Aborted" in lines
    assert any(line.startswith("  File ") and "daemon.py" in line for line in lines)


def test_failed_starts_wait_longer_and_longer_and_stop_ends_that(machine: Machine) -> None:
    configure(machine, '[camera]\nspec = "/dev/video97"\n')
    done = machine.try_run("hemato-edge service install")
    assert done.returncode == 12
    assert "journalctl -u hemato-edge" in done.stderr
    wait_for(lambda: "waiting 10 s after 2 starts" in machine.show("StatusText"))
    errors = [entry for entry in machine.journal("HEMATO_EDGE_ERROR=CameraError") if entry["PRIORITY"] == "3"]
    assert errors[0]["HEMATO_EDGE_EXIT_CODE"] == "3"
    assert "/dev/video97" in errors[0]["MESSAGE"]
    assert status(machine)["active"] == "activating"
    configure(machine, DEMO)
    began = time.monotonic()
    machine.run("systemctl stop hemato-edge; systemctl start hemato-edge")
    assert time.monotonic() - began < 30  # the next waits are of 20 and 40 s; a busy machine starts it slowly
    assert machine.show("ActiveState") == "active"


def test_a_wrong_configuration_is_not_tried_again(machine: Machine) -> None:
    machine.run("hemato-edge service install")
    configure(machine, '[camera]\nsepc = "demo"\n')
    assert machine.try_run("systemctl restart hemato-edge").returncode != 0
    assert wait_for(lambda: machine.show("ActiveState") == "failed")
    assert (machine.show("NRestarts"), machine.show("ExecMainStatus")) == ("0", "6")
    assert machine.journal("HEMATO_EDGE_ERROR=ConfigurationError")


def test_reload_takes_over_what_it_can_and_says_what_it_cannot(machine: Machine) -> None:
    machine.run("hemato-edge service install")
    pid = machine.show("MainPID")
    configure(machine, '[camera]\nspec = "demo:2"\n[quality]\nmin_focus = 0.2\n[log]\nlevel = "debug"\n')
    machine.run("systemctl reload hemato-edge")
    wait_for(lambda: any("log.level is now debug" in entry["MESSAGE"] for entry in machine.journal()))
    messages = [entry["MESSAGE"] for entry in machine.journal("HEMATO_EDGE_SESSION=1", "PRIORITY=4")]
    assert "quality.min_focus is now 0.2, before 0.12" in messages
    assert "camera.spec = demo:2 waits for the next start; demo stays" in messages
    assert machine.show("ActiveState") == "active"
    assert machine.show("MainPID") == pid


def test_the_group_may_read_where_a_setting_says_so_and_nobody_else(machine: Machine) -> None:
    configure(machine, f"{DEMO}\n[store]\ngroup_readable = true\n")
    machine.run("hemato-edge service install")
    counted(machine, 5)
    machine.run("id reader 2>/dev/null || useradd --groups hemato-edge reader; id other 2>/dev/null || useradd other")
    report = f"/opt/hemato-edge/bin/hemato-edge report --db {DATABASE}"
    assert "Neutrophils" in machine.run(f"HOME=/ setpriv --reuid reader --regid reader --init-groups {report}")
    refused = machine.try_run(f"HOME=/ setpriv --reuid other --regid other --init-groups {report}")
    assert refused.returncode == 5
    assert "Traceback" not in refused.stderr
    started = machine.try_run("HOME=/ setpriv --reuid other --regid other --init-groups hemato-edge service install")
    assert started.returncode == 12
    assert "Only root" in started.stderr


def test_no_network_unless_it_is_asked_for(machine: Machine) -> None:
    configure(machine, DEMO.replace('"demo"', '"rtsp://127.0.0.1:9/none"'))
    machine.try_run("hemato-edge service install --no-start")
    assert machine.show("PrivateNetwork") == "no"
    assert "note" not in machine.try_run("hemato-edge service status").stdout
    configure(machine, DEMO)
    assert "service install" in status(machine)["notes"][0]  # the unit opens more than is needed
    machine.run("hemato-edge service install --no-start")
    assert machine.show("PrivateNetwork") == "yes"


def test_removed_it_leaves_the_counts(machine: Machine) -> None:
    machine.run("hemato-edge service install")
    counted(machine, 3)
    machine.run("hemato-edge service uninstall")
    assert machine.show("LoadState") == "not-found"
    assert "not installed" in machine.try_run("hemato-edge service status").stdout
    assert machine.run(f"stat -c %U {DATABASE}").strip() == "hemato-edge"
    report = json.loads(machine.run(f"hemato-edge report --format json --db {DATABASE}"))
    assert report["session"]["state"] == "finished"
    assert report["fields"] >= 3
