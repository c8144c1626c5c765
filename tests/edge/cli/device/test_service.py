"""`hemato-edge service` as a person types it, on a machine that systemd may not run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from outcomes import assert_one_line_error

BOOTED = Path("/run/systemd/system").is_dir()


def test_a_dry_run_shows_every_file_and_command_and_writes_nothing(program) -> None:
    existed = Path("/etc/systemd/system/hemato-edge.service").exists()
    done = program("service", "install", "--dry-run")
    assert done.returncode == 0, done.stderr
    for part in (
        "# write /etc/systemd/system/hemato-edge.service\n",
        "Type=notify\n",
        "# write /etc/sysusers.d/hemato-edge.conf\n",
        "$ systemctl daemon-reload\n",
        "$ systemctl start hemato-edge.service\n",
    ):
        assert part in done.stdout
    assert Path("/etc/systemd/system/hemato-edge.service").exists() == existed


def test_a_dry_run_as_json_is_one_document(program) -> None:
    plan = json.loads(program("service", "install", "--dry-run", "--no-start", "--json").stdout)
    assert plan["done"] is False
    assert "/etc/systemd/system/hemato-edge.service" in [file["path"] for file in plan["write"]]
    assert "systemctl enable hemato-edge.service" in plan["commands"]
    assert "systemctl start hemato-edge.service" not in plan["commands"]
    plan = json.loads(program("service", "uninstall", "--dry-run", "--json").stdout)
    assert "/etc/systemd/system/hemato-edge.service" in plan["remove"]
    done = program("service", "uninstall", "--dry-run")
    assert "$ systemctl disable --now hemato-edge.service" in done.stdout
    assert "note: The counts in /var/lib/hemato-edge" in done.stdout


@pytest.mark.skipif(BOOTED, reason="systemd runs this machine")
@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_without_systemd_nothing_can_be_installed(program, command: str) -> None:
    assert_one_line_error(program("service", command), 12, "systemd does not run this machine", "--dry-run")


@pytest.mark.skipif(BOOTED, reason="systemd runs this machine")
def test_without_systemd_there_is_no_status(program) -> None:
    assert_one_line_error(program("service", "status"), 12, "run by systemd?")
