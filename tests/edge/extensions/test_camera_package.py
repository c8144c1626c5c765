"""A kind of camera that another package brings, by one file and one entry point, is known everywhere."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Python = Callable[..., subprocess.CompletedProcess[str]]
PACKAGE = "mire_camera"
PROGRAM = ("-m", "hemato_edge.cli.main")


def test_run_reads_it(python_with: Python, tmp_path: Path) -> None:
    spec, database = f"mire:{tmp_path / 'reader'}", str(tmp_path / "x.db")
    done = python_with(PACKAGE, *PROGRAM, "run", "--camera", spec, "--max-frames", "3", "--json", "--db", database)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["session"]["camera"], report["frames"]) == (spec, 3)


def test_a_process_of_its_own_reads_it(python_with: Python, tmp_path: Path) -> None:
    code = (
        "import os\n"
        "from hemato_edge.cameras.factory import make_guarded_camera\n"
        "from hemato_edge.settings import CameraSettings\n"
        f"camera = make_guarded_camera('mire:{tmp_path / 'reader'}', CameraSettings())\n"
        "camera.open(); camera.close(); print(os.getpid())\n"
    )
    done = python_with(PACKAGE, "-c", code)
    assert done.returncode == 0, done.stderr
    reader = (tmp_path / "reader").read_text()
    assert reader.isdecimal()
    assert reader != done.stdout.strip()


def test_the_service_gets_its_network_and_its_devices(python_with: Python) -> None:
    code = (
        "from hemato_edge.service.allowances import allowances\n"
        "from hemato_edge.service.unit import Program\n"
        "print(allowances({'camera.spec': 'mire:x'}, Program()).drop_in())\n"
    )
    lines = python_with(PACKAGE, "-c", code).stdout.splitlines()
    assert "PrivateNetwork=no" in lines
    assert "DeviceAllow=char-usb_device rw" in lines


def test_the_doctor_knows_it(python_with: Python, tmp_path: Path) -> None:
    config = tmp_path / "hemato-edge" / "config.toml"
    config.parent.mkdir()
    config.write_text('[camera]\nspec = "mire:here"\n')
    done = python_with(PACKAGE, *PROGRAM, "doctor", "--json")
    findings = {finding["probe"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert findings["camera"]["status"] == "PASS"
    assert "mire:here" in findings["camera"]["said"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [("mite:1", "Did you mean mire?"), ("broken:1", "cannot be loaded"), ("other:1", "of that name")],
)
def test_what_is_not_there_is_refused(python_with: Python, spec: str, said: str) -> None:
    done = python_with(PACKAGE, *PROGRAM, "run", "--camera", spec)
    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr
