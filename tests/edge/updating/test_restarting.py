"""Starting the service anew: what systemd says of it is passed on. In place of systemd a program answers for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.updating.restarting import restart_service, service_runs


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `systemctl` that notes what it is told, and does what the test writes into it."""
    program = tmp_path / "systemctl"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    return program


def answer(program: Path, script: str) -> None:
    program.write_text(f'#!/bin/sh\necho "$@" >> "$TOLD"\n{script}\n')
    program.chmod(0o755)


def test_counting_and_page_are_started_anew(systemctl: Path) -> None:
    answer(systemctl, "exit 0")
    assert restart_service() is None
    told = (systemctl.parent / "told").read_text().splitlines()
    assert told == [
        "restart hemato-edge.service",
        "is-active --quiet hemato-edge-web.service",
        "restart hemato-edge-web.service",
    ]


def test_a_page_that_does_not_run_or_is_not_installed_is_left_alone(systemctl: Path) -> None:
    answer(systemctl, 'case "$*" in "restart hemato-edge.service") exit 0;; esac; exit 4')  # systemctl(1): no such unit
    assert restart_service() is None
    assert "restart hemato-edge-web.service" not in (systemctl.parent / "told").read_text().splitlines()


def test_why_it_does_not_start_is_told(systemctl: Path) -> None:
    answer(systemctl, "echo 'Job for hemato-edge.service failed.' >&2; exit 1")
    assert restart_service() == "Job for hemato-edge.service failed."


@pytest.mark.parametrize(("state", "runs"), [("active", True), ("inactive", False), ("failed", False)])
def test_only_a_service_that_runs_is_started_anew(systemctl: Path, state: str, runs: bool) -> None:
    answer(systemctl, f"echo ActiveState={state}")
    assert service_runs() is runs


def test_without_systemd_there_is_no_service(systemctl: Path) -> None:
    assert service_runs() is False
    assert "systemctl" in str(restart_service())
