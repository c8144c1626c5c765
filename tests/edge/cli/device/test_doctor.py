"""`hemato-edge doctor` as a person types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from captured_boards import build

from hemato_edge.doctor.probes import PROBES

Program = Callable[..., CompletedProcess[str]]


def test_every_probe_speaks_and_the_exit_code_says_whether_one_failed(program: Program) -> None:
    done = program("doctor", "--json")
    document = json.loads(done.stdout)
    assert {f["probe"] for f in document["findings"]} | {"model"} >= {"settings", *PROBES}
    fails = [f for f in document["findings"] if f["status"] == "FAIL"]
    assert document["good"] is (not fails)
    assert done.returncode == (1 if fails else 0)
    assert all(f["fix"] for f in document["findings"] if f["status"] in ("WARN", "FAIL"))
    assert not [f for f in document["findings"] if "itself broke" in f["said"]]
    assert done.stderr == ""


def test_a_captured_machine(program: Program, tmp_path: Path) -> None:
    build(tmp_path / "zero", "Pi Zero 2 W")
    done = program("doctor", "--root", "zero")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("FAIL  throttling "))
    assert "now: under-voltage, throttled (0x50005)" in lines[at]
    assert lines[at + 1].strip().startswith("→ Use the board's own power supply")
    assert any("Raspberry Pi Zero 2 W Rev 1.0; Debian GNU/Linux 12 (bookworm)" in line for line in lines)
    assert "\x1b" not in done.stdout


def test_bad_settings_are_a_failure_and_the_rest_is_examined(program: Program, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("[camera]\nwidht = 3\n")
    build(tmp_path / "pi", "Pi 5")
    done = program("doctor", "--root", "pi", "--config", "x.toml", "--json")
    assert done.returncode == 1
    findings = {f["probe"]: f for f in json.loads(done.stdout)["findings"]}
    assert "Unknown setting camera.widht (file x.toml, line 2)" in findings["settings"]["said"]
    assert "Did you mean camera.width?" in findings["settings"]["fix"]
    assert findings["throttling"]["status"] == "PASS"


def test_a_machine_that_is_not_there(program: Program) -> None:
    assert program("doctor", "--root", "nowhere").returncode == 2


def test_the_home_folder_is_not_told(program: Program, tmp_path: Path) -> None:
    (tmp_path / ".local/share/hemato-edge").mkdir(parents=True)
    done = program("doctor")
    assert str(tmp_path) not in done.stdout
    assert "~/.local/share/hemato-edge" in done.stdout
