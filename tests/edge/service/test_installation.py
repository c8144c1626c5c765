"""What installing and removing would do, who may do it, and that it does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.errors import ServiceError
from hemato_edge.service import installation as module
from hemato_edge.service.installation import (
    DROP_IN,
    SYSUSERS_FILE,
    UNIT,
    WAITING_DROP_IN,
    WEB_UNIT,
    Plan,
    carry_out,
    check_may_change,
    installation,
    removal,
    temporary,
)
from hemato_edge.service.unit import Program, unit

PROGRAM = Program("/opt/hemato-edge/bin/hemato-edge", (Path("/opt/hemato-edge"), Path("/usr")))


def test_the_plan_of_an_installation() -> None:
    plan = installation(PROGRAM, {})
    assert plan.files is not None
    assert list(plan.files) == [SYSUSERS_FILE, UNIT]
    assert plan.files[UNIT] == unit(PROGRAM)
    assert "ExecStart=/opt/hemato-edge/bin/hemato-edge run --no-display\n" in plan.files[UNIT]
    assert plan.removed == (DROP_IN,)  # of an earlier configuration
    assert [command[:2] for command in plan.commands] == [
        ("systemd-sysusers", str(SYSUSERS_FILE)),
        ("systemctl", "daemon-reload"),
        ("systemctl", "enable"),
        ("systemctl", "stop"),
        ("systemctl", "start"),
    ]
    assert ("systemctl", "start", "hemato-edge.service") not in installation(PROGRAM, {}, start=False).commands


def test_with_the_page_there_are_two_units_and_the_count_waits() -> None:
    plan = installation(PROGRAM, {}, page=True)
    assert plan.files is not None
    assert list(plan.files) == [SYSUSERS_FILE, UNIT, WEB_UNIT, WAITING_DROP_IN]
    assert "ExecStart=/opt/hemato-edge/bin/hemato-edge web\n" in plan.files[WEB_UNIT]
    waiting = plan.files[WAITING_DROP_IN].splitlines()
    assert waiting[2:] == [
        "ExecStart=",
        "ExecStart=/opt/hemato-edge/bin/hemato-edge run --no-display --wait",
        "Restart=always",
    ]
    assert ("systemctl", "start", "hemato-edge.service", "hemato-edge-web.service") in plan.commands


def test_a_configuration_that_needs_more_gets_a_drop_in() -> None:
    plan = installation(PROGRAM, {"store.path": "/mnt/stick/x.db"})
    assert plan.files is not None
    assert "ReadWritePaths=/mnt/stick" in plan.files[DROP_IN]
    assert plan.removed == ()
    assert plan.notes == ("/mnt/stick must belong to the user hemato-edge: sudo chown hemato-edge: /mnt/stick",)


def test_a_program_in_a_folder_that_a_boot_empties_is_named() -> None:
    program = Program("/run/v/bin/hemato-edge", (Path("/run/v"), Path("/usr")))
    assert temporary(program) == [Path("/run/v")]
    assert "/run/v may be gone after a boot" in installation(program, {}).notes[0]


def test_removal_keeps_the_counts() -> None:
    plan = removal()
    assert set(plan.removed) == {UNIT, DROP_IN, SYSUSERS_FILE, WEB_UNIT, WAITING_DROP_IN}
    assert ("systemctl", "disable", "--now", "hemato-edge.service") in plan.first
    assert not any("/var/lib" in word for command in (*plan.first, *plan.commands) for word in command)
    assert "stay" in plan.notes[0]


def test_only_root_on_a_machine_that_systemd_runs(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="Only root") as refused:
        check_may_change(1000, tmp_path)
    assert "sudo" in refused.value.fix
    with pytest.raises(ServiceError, match="systemd does not run this machine"):
        check_may_change(0, tmp_path / "none")
    check_may_change(0, tmp_path)


def test_the_plan_is_carried_out_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drop_in = tmp_path / "x.service.d" / "10-configuration.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("old")
    monkeypatch.setattr(module, "DROP_IN", drop_in)
    plan = Plan(
        removed=(drop_in, tmp_path / "not there"),
        files={tmp_path / "new" / "unit": "text\n"},
        commands=(("cp", str(tmp_path / "new/unit"), str(tmp_path / "copy")),),
        first=(("false",),),  # may fail
    )
    said: list[str] = []
    carry_out(plan, said.append)
    assert not drop_in.parent.exists()
    assert (tmp_path / "copy").read_text() == "text\n"
    assert (tmp_path / "new/unit").stat().st_mode & 0o777 == 0o644
    assert said == [
        "false",
        f"remove {drop_in}",
        f"write {tmp_path / 'new/unit'}",
        f"cp {tmp_path / 'new/unit'} {tmp_path / 'copy'}",
    ]


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (Plan(commands=(("ls", "/nowhere/at/all"),)), "nowhere"),
        (Plan(commands=(("no-such-command-here",),)), "There is no no-such-command-here"),
        (Plan(files={Path("/proc/x/unit"): ""}), "/proc"),
    ],
)
def test_what_fails_is_one_error(plan: Plan, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        carry_out(plan, lambda step: None)
