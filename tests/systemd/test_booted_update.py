"""`hemato-edge update` under a systemd that really runs: the service is started anew, and the old version put back.

make test-systemd        # as root; needs systemd-container and mmdebstrap
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from machine import Machine, missing

sys.path.append(str(Path(__file__).parents[1] / "edge/updating"))
from updates import build_wheel

from hemato_edge.models.keys import make_signing_key
from hemato_edge.updating.making import make_update

pytestmark = pytest.mark.systemd
NEXT, BROKEN = "90.0.0", "91.0.0"
DATABASE = "/var/lib/hemato-edge/hemato-edge.db"
FAILS_AS_A_SERVICE = """

if __import__("os").environ.get("NOTIFY_SOCKET"):
    raise SystemExit(3)
"""
WAIT_S = 120.0


@pytest.fixture(scope="module")
def updates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two signed updates: a later version, and one that counts for root but does not start as a service."""
    folder = tmp_path_factory.mktemp("updates")
    make_signing_key(folder / "maker")
    for version, change in ((NEXT, None), (BROKEN, {"edge/hemato_edge/cli/counting/run.py": FAILS_AS_A_SERVICE})):
        wheel = build_wheel(version, folder, change)
        make_update(folder / f"{version}.update", [wheel], [], "", folder / "maker")
    return folder


@pytest.fixture(scope="module")
def machine(updates: Path) -> Iterator[Machine]:
    """With the service, which counts, and the maker's key."""
    if missing():
        pytest.skip(missing())
    with Machine() as booted:
        booted.run(
            "mkdir -p /etc/hemato-edge/keys; printf '[camera]\\nspec = \"demo\"\\n' > /etc/hemato-edge/config.toml"
        )
        for name in ("maker.pub", f"{NEXT}.update", f"{BROKEN}.update"):
            booted.send(updates / name, f"/srv/{name}")
        booted.run("hemato-edge model trust /srv/maker.pub --folder /etc/hemato-edge/keys")
        booted.run("hemato-edge service install")
        yield booted


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.3)


def database(machine: Machine) -> dict[str, int]:
    """What the service's status says of its database."""
    found: dict[str, int] = json.loads(machine.try_run("hemato-edge service status --json").stdout)["database"]
    return found


def counts(machine: Machine, session: int) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        machine.run(f"hemato-edge report --session {session} --format json --db {DATABASE}")
    )
    return found


def test_the_service_goes_on_with_the_new_version(machine: Machine) -> None:
    wait_for(lambda: database(machine).get("fields", 0) >= 3)
    before = machine.show("MainPID")
    done = machine.run(f"hemato-edge update /srv/{NEXT}.update --keys /etc/hemato-edge/keys")
    assert f"version {NEXT} is in use" in done
    assert machine.show("ActiveState") == "active"
    assert machine.show("MainPID") != before
    assert machine.run("hemato-edge --version").split()[-1] == NEXT
    wait_for(lambda: database(machine).get("session") == 2)
    first, second = counts(machine, 1), counts(machine, 2)
    assert first["session"]["state"] == "finished"  # type: ignore[index]
    assert second["provenance"]["versions"]["hemato-edge"] == NEXT  # type: ignore[index]


def test_a_version_that_does_not_start_as_a_service_is_taken_back(machine: Machine) -> None:
    done = machine.try_run(f"hemato-edge update /srv/{BROKEN}.update --keys /etc/hemato-edge/keys")
    assert done.returncode != 0
    assert NEXT in done.stderr
    assert machine.run("hemato-edge --version").split()[-1] == NEXT
    wait_for(lambda: machine.show("ActiveState") == "active")


def test_rollback_restarts_the_service_with_the_installed_version(machine: Machine) -> None:
    before = machine.show("MainPID")
    machine.run("hemato-edge update rollback")
    assert machine.run("hemato-edge --version").split()[-1] != NEXT
    assert machine.show("ActiveState") == "active"
    assert machine.show("MainPID") != before
