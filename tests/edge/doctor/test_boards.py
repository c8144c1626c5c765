"""The probes against captured trees of a Pi Zero 2 W, a Pi 5 and a Jetson Orin Nano."""

from __future__ import annotations

from pathlib import Path

import pytest
from captured_boards import LISTED_NONE, build, open_by

from hemato_edge.device.machine import Machine
from hemato_edge.doctor import board_probes, camera_probes, service_probes, storage_probes
from hemato_edge.doctor.examination import examine
from hemato_edge.doctor.findings import Finding, Status
from hemato_edge.doctor.probes import PROBES
from hemato_edge.doctor.subject import Subject, User
from hemato_edge.settings import Settings, load_settings


def the_one(findings: list[Finding]) -> Finding:
    assert len(findings) == 1
    return findings[0]


def with_camera(spec: str) -> Settings:
    return load_settings(overrides={"camera.spec": spec})


@pytest.mark.parametrize(
    ("board", "expected"),
    [
        (
            "Pi Zero 2 W",
            {
                "camera": ("PASS", "unicam-image"),
                "libcamera": ("PASS", "imx219"),
                "cma": ("PASS", "92 of 256 MB"),
                "throttling": ("FAIL", "now: under-voltage, throttled (0x50005)"),
                "temperature": ("PASS", "61.8 °C"),
                "memory": ("PASS", "286 of 427 MB"),
                "clock": ("PASS", "synchronised"),
                "card": ("PASS", "an SD card does not tell its wear"),
                "service": ("SKIP", "systemd"),
            },
        ),
        (
            "Pi 5",
            {
                "camera": ("PASS", "rp1-cfe-csi2_ch0"),
                "libcamera": ("PASS", "imx477"),
                "cma": ("PASS", "59 of 64 MB"),
                "throttling": ("PASS", "none since boot (0x0)"),
                "temperature": ("PASS", "48.5 °C"),
                "card": ("PASS", "/dev/nvme0n1p2"),
            },
        ),
        (
            "Jetson Orin Nano",
            {
                "camera": ("PASS", "USB Microscope"),
                "libcamera": ("SKIP", "captured"),
                "throttling": ("WARN", "now: gpu throttled by heat; since boot: average over-current, instantaneous"),
                "temperature": ("PASS", "52.4 °C"),
                "clock": ("WARN", "not synchronised"),
                "card": ("WARN", "80 to 90 % of its rated life used"),
            },
        ),
    ],
)
def test_a_board(tmp_path: Path, board: str, expected: dict[str, tuple[str, str]]) -> None:
    findings = {f.probe: f for f in examine(Subject(build(tmp_path, board)), PROBES, limit_s=120)}
    for probe, (status, said) in expected.items():
        assert findings[probe].status.value == status, findings[probe]
        assert said in findings[probe].said, findings[probe]
    assert all(f.fix for f in findings.values() if f.status in (Status.WARN, Status.FAIL))
    assert not [f for f in findings.values() if "broke" in f.said]


def test_a_pi_that_was_weak_and_now_is_well(tmp_path: Path) -> None:
    machine = build(tmp_path, "Pi 5", answers={"vcgencmd get_throttled": "throttled=0x50000"})
    found = the_one(list(board_probes.throttling(Subject(machine))))
    assert (found.status, found.said) == (Status.WARN, "since boot: under-voltage, throttled (0x50000)")
    assert "supply" in found.fix


@pytest.mark.parametrize(("millidegrees", "status"), [(79_900, "PASS"), (80_000, "WARN"), (85_500, "FAIL")])
def test_heat(tmp_path: Path, millidegrees: int, status: str) -> None:
    machine = build(tmp_path, "Pi 5", {"/sys/class/thermal/thermal_zone0/temp": f"{millidegrees}\n"})
    assert the_one(list(board_probes.temperature(Subject(machine)))).status.value == status


def test_no_camera_on_the_ribbon_cable(tmp_path: Path) -> None:
    machine = build(tmp_path, "Pi 5", answers={"rpicam-hello --list-cameras": LISTED_NONE})
    warning = the_one(list(camera_probes.libcamera(Subject(machine))))
    assert warning.status is Status.WARN
    assert "camera_auto_detect=1" in warning.fix
    failure = the_one(list(camera_probes.libcamera(Subject(machine, with_camera("picamera")))))
    assert failure.status is Status.FAIL


def test_a_camera_that_is_named_but_not_there(tmp_path: Path) -> None:
    by_id = "/dev/v4l/by-id/usb-Microscope-video-index0"
    machine = build(tmp_path, "Jetson Orin Nano", {by_id: ""})
    missing = the_one(list(camera_probes.nodes(Subject(machine, with_camera("/dev/video7")))))
    assert missing.status is Status.FAIL
    assert by_id in missing.fix
    there = the_one(list(camera_probes.nodes(Subject(machine, with_camera("/dev/video0")))))
    assert there.status is Status.PASS
    assert f"survives a replug: {by_id}" in there.said
    unplugged = build(tmp_path / "none", "Jetson Orin Nano", {"/sys/class/video4linux/video0/name": None})
    assert the_one(list(camera_probes.nodes(Subject(unplugged)))).status is Status.WARN
    assert the_one(list(camera_probes.nodes(Subject(unplugged, with_camera("demo"))))).status is Status.PASS
    unknown = the_one(list(camera_probes.nodes(Subject(machine, with_camera("picamra")))))
    assert unknown.status is Status.FAIL
    assert "picamera" in unknown.fix


def test_little_contiguous_memory(tmp_path: Path) -> None:
    little = {"/proc/meminfo": "MemTotal: 437804 kB\nCmaTotal: 65536 kB\nCmaFree: 20480 kB\n"}
    found = the_one(list(camera_probes.contiguous_memory(Subject(build(tmp_path, "Pi Zero 2 W", little)))))
    assert found.status is Status.WARN
    assert "cma-256" in found.fix


def test_who_may_open_the_camera(tmp_path: Path) -> None:
    machine = build(tmp_path, "Pi 5")
    node = tmp_path / "dev" / "video0"
    node.chmod(0o660)
    (tmp_path / "dev" / "media0").chmod(0o666)
    gid = node.stat().st_gid

    def asked(user: User, machine: Machine = machine) -> Finding:
        return the_one(list(camera_probes.rights(Subject(machine, user=user))))

    assert asked(User("pi", 54321, frozenset({gid}))).status is Status.PASS
    assert asked(User("root", 0, frozenset({54322}))).status is Status.PASS
    denied = asked(User("eve", 54321, frozenset({54322})))
    assert denied.status is Status.FAIL
    assert "eve may not open /dev/video0 (group " in denied.said
    assert denied.fix.startswith("`sudo usermod -aG ")
    group = denied.said.rpartition("(group ")[2].rstrip(")")
    (tmp_path / "etc" / "group").write_text(f"{group}:x:{gid}:pi,eve\n")
    assert "Log out and in again" in asked(User("eve", 54321, frozenset({54322}))).fix
    node.chmod(0o600)
    assert asked(User("pi", 54321, frozenset({gid}))).status is Status.FAIL


def test_who_has_the_camera_open(tmp_path: Path) -> None:
    machine = build(tmp_path, "Jetson Orin Nano")
    assert the_one(list(camera_probes.holders(Subject(machine)))).said == "no camera is open"
    open_by(tmp_path, 812, "/home/pi/.venv/bin/python3 /home/pi/.venv/bin/hemato-edge run", "/dev/null")
    open_by(tmp_path, 813, "/home/pi/.venv/bin/python3 -c spawn_main()", "/dev/video0", parent=812)
    open_by(tmp_path, 900, "bash", "/dev/null")
    own = the_one(list(camera_probes.holders(Subject(machine))))
    assert (own.status, own.said) == (Status.PASS, "held by hemato-edge (process 813)")
    open_by(tmp_path, 1200, "cheese", "/dev/video0")
    busy = the_one(list(camera_probes.holders(Subject(machine))))
    assert busy.status is Status.WARN
    assert "cheese (process 1200) has /dev/video0 open" in busy.said
    assert "kill 1200" in busy.fix


@pytest.mark.parametrize(
    ("changes", "answers", "status", "said"),
    [
        ({"/proc/mounts": "/dev/mmcblk0p1 / ext4 ro,noatime 0 0\n"}, {}, "FAIL", "read-only"),
        ({"/proc/mounts": "overlayroot / overlay rw,lowerdir=/x 0 0\n"}, {}, "WARN", "gone after a reboot"),
        ({"/sys/block/mmcblk0/device/life_time": "0x01 0x01\n"}, {}, "PASS", "0 to 10 % of its rated life"),
        ({"/sys/block/mmcblk0/device/life_time": "0x0b 0x01\n"}, {}, "WARN", "beyond the life"),
        ({"/sys/block/mmcblk0/device/pre_eol_info": "0x03\n"}, {}, "WARN", "about to fail"),
        ({"/sys/fs/ext4/mmcblk0p1/errors_count": "4\n"}, {}, "WARN", "4 file system errors"),
        (
            {"/sys/block/mmcblk0/device/life_time": "0x01 0x01\n"},
            {"dmesg": "[ 3.0] mmc0: new HS400 MMC card\n[ 9.1] I/O error, dev mmcblk0, sector 2049 op 0x1:(WRITE)"},
            "WARN",
            "1 errors in the kernel's log, the last: [ 9.1] I/O error, dev mmcblk0",
        ),
        (
            {"/sys/block/mmcblk0/device/life_time": "0x01 0x01\n"},
            {"dmesg": "[ 9.1] EXT4-fs (loop0): Remounting filesystem read-only\n[ 9.2] I/O error, dev sda, sector 1"},
            "PASS",  # another disk's troubles
            "0 to 10 % of its rated life",
        ),
        ({"/proc/mounts": None}, {}, "SKIP", "/proc/mounts"),
    ],
)
def test_the_card(
    tmp_path: Path, changes: dict[str, str | None], answers: dict[str, str], status: str, said: str
) -> None:
    found = the_one(list(storage_probes.card(Subject(build(tmp_path, "Jetson Orin Nano", changes, answers)))))
    assert (found.status.value, said in found.said) == (status, True), found


SHOW = "systemctl show hemato-edge.service --property=LoadState,ActiveState,SubState,Result,NRestarts"


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ("LoadState=not-found\nActiveState=inactive\nSubState=dead", "PASS", "not installed"),
        ("LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nNRestarts=0", "PASS", "running"),
        ("LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nNRestarts=3", "WARN", "3 times"),
        ("LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=watchdog\nNRestarts=5", "FAIL", "watchdog"),
        ("LoadState=bad-setting\nActiveState=inactive\nSubState=dead", "FAIL", "bad-setting"),
        ("LoadState=loaded\nActiveState=inactive\nSubState=dead\nNRestarts=0", "WARN", "inactive"),
    ],
)
def test_the_service(tmp_path: Path, answer: str, status: str, said: str) -> None:
    machine = Machine(tmp_path, {SHOW: answer})
    found = the_one(list(service_probes.service(Subject(machine))))
    assert (found.status.value, said in found.said) == (status, True), found
