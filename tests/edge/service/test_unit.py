"""The unit, judged by systemd itself: known keys only, and a small exposure."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hemato_edge.service.allowances import allowances
from hemato_edge.service.unit import NAME, WEB_NAME, Program, quoted, this_program, unit, waiting_drop_in, web_unit

SHIPPED = Path(__file__).parents[3] / "systemd" / NAME
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed: apt install systemd"
)


def analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False)


def written(folder: Path, text: str, drop_in: str | None = None) -> Path:
    path = folder / NAME
    path.write_text(text)
    if drop_in is not None:
        (folder / f"{NAME}.d").mkdir()
        (folder / f"{NAME}.d" / "10-configuration.conf").write_text(drop_in)
    return path


def exposure(path: Path) -> float:
    done = analyze("security", "--offline=true", "--no-pager", path)
    found = re.search(r"Overall exposure level for .*: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


def test_the_repositorys_file_comes_from_the_template() -> None:
    assert SHIPPED.read_text() == unit(), f"python -m hemato_edge.service.unit > systemd/{NAME}"


def test_no_placeholder_is_left() -> None:
    assert not re.search(r"@\w+@", unit())


def test_the_cpu_stays_visible() -> None:
    """With ProcSubset=pid LiteRT finds no /proc/cpuinfo and drops XNNPACK."""
    keys = [line.split("=")[0] for line in unit().splitlines() if not line.startswith("#")]
    assert "ProcSubset" not in keys


@needs_systemd
@pytest.mark.parametrize(
    "program",
    [None, this_program(), Program('"/opt/my programs/python" -m hemato_edge.cli.main')],
    ids=["shipped", "installed", "with a space"],
)
def test_systemd_verifies_it_without_a_word(program: Program | None, tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    text = unit(program).replace("/opt/my programs", str(tmp_path))
    done = analyze("verify", written(tmp_path, text))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_systemd_would_have_complained(tmp_path: Path) -> None:
    """The test above can fail: an unknown key is a warning and no error."""
    done = analyze("verify", written(tmp_path, unit().replace("WatchdogSec=", "WatchdogSecs=")))
    assert "WatchdogSecs" in done.stderr


def test_the_pages_file_comes_from_its_template() -> None:
    shipped = SHIPPED.with_name(WEB_NAME)
    assert shipped.read_text() == web_unit(), f"python -m hemato_edge.service.unit web > systemd/{WEB_NAME}"
    assert not re.search(r"@\w+@", web_unit())


def test_the_page_may_write_no_configuration() -> None:
    """Both units have one user: `ConfigurationDirectory=` would open /etc/hemato-edge to the page, too."""
    assert "ConfigurationDirectory=" in unit()
    assert not re.search(r"ConfigurationDirectory=|ReadWritePaths=.*etc", web_unit())


@needs_systemd
def test_systemd_verifies_the_pages_unit_and_its_exposure_is_small(tmp_path: Path) -> None:
    path = tmp_path / WEB_NAME
    path.write_text(web_unit(this_program()))
    done = analyze("verify", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert exposure(path) <= 2.5


@needs_systemd
def test_a_count_that_waits_for_the_page_is_verified_too(tmp_path: Path) -> None:
    done = analyze("verify", written(tmp_path, unit(this_program()), waiting_drop_in(this_program())))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_the_exposure_is_small(tmp_path: Path) -> None:
    assert exposure(written(tmp_path, unit())) <= 1.0
    loose = tmp_path / "loose"
    loose.mkdir()
    assert exposure(written(loose, unit().replace("PrivateNetwork=yes\n", ""))) > exposure(tmp_path / NAME)


@needs_systemd
@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({"metrics.port": 9100}, 1.4),
        ({"mqtt.host": "broker.example"}, 1.5),
        ({"camera.spec": "rtsp://camera/1", "store.path": "/mnt/stick/x.db"}, 1.5),
        ({"camera.spec": "gst:nvarguscamerasrc", "model.path": "/home/me/my model.tflite"}, 1.0),
        ({"store.path": "/home/me/counts/x.db", "model.path": "/home/me/a:b/x.tflite"}, 1.0),
    ],
)
def test_drop_ins_are_verified_too(settings, most: float, tmp_path: Path) -> None:
    drop_in = allowances(settings, Program()).drop_in()
    path = written(tmp_path, unit(), drop_in)
    done = analyze("verify", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert exposure(path) <= most


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/opt/hemato-edge/bin/python3.11", "/opt/hemato-edge/bin/python3.11"),
        ("/opt/100%/x", "/opt/100%%/x"),
        ("/opt/my env/x", '"/opt/my env/x"'),
        ('/opt/a"b\\c', '"/opt/a\\"b\\\\c"'),
    ],
)
def test_paths_are_quoted_as_systemd_reads_them(path: str, word: str) -> None:
    assert quoted(Path(path)) == word


def test_this_program_is_one_that_can_be_started() -> None:
    program = this_program()
    assert Path(program.command.split(" ")[0].strip('"')).exists()
    assert any(Path(sys.prefix).is_relative_to(folder) for folder in program.folders)
