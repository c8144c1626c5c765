"""Whatever standard streams are, there is no traceback, and what was asked for is done."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from recorded import record
from rich.console import Console
from waiting import DEADLINE_S

from hemato_edge.cli.counting.display import Display, frames_left
from hemato_edge.store.reader import Reader
from hemato_edge.views.report.formats.live import live_table

PROGRAM = f"{sys.executable} -c 'from hemato_edge.cli.entry import main; main()'"
NOT_UTF8 = os.fsdecode(b"M\xfcller")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "records.db"
    record(made, ["neutrophil"] * 10 + ["lymphocyte"] * 7)
    return made


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=DEADLINE_S,
        env={**os.environ, **environment},
    )


def test_a_full_disk_behind_standard_output_is_one_line(path: Path) -> None:
    done = shell(f"{PROGRAM} report --db {path} > /dev/full")
    assert done.returncode == 1
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_full_disk_behind_standard_error_takes_no_report_with_it(tmp_path: Path) -> None:
    done = shell(f"{PROGRAM} -v run --camera demo --max-frames 3 --db {tmp_path / 'x.db'} 2> /dev/full")
    assert done.returncode == 0
    assert b"White-cell differential, session 1 (finished)" in done.stdout


@pytest.mark.parametrize("end", ["| head -1", "| head -c 0", ">&-", ">&- 2>&- <&-"])
def test_a_reader_that_leaves_early_is_no_error(path: Path, end: str) -> None:
    done = shell(f"{PROGRAM} report --db {path} {end}")
    assert done.returncode == 0
    assert not done.stderr


def test_closed_streams_do_not_give_their_numbers_to_the_database(path: Path, tmp_path: Path) -> None:
    """Else what is printed would be written into it."""
    done = shell(f"{PROGRAM} review relabel 0 0 monocyte --db {path} >&- 2>&-; {PROGRAM} db check --db {path}")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("encoding", ["iso-8859-1", "koi8-r"])
def test_a_terminal_without_our_letters_gets_plain_ones(path: Path, encoding: str) -> None:
    done = shell(f"{PROGRAM} report --db {path}", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert b"32.9 - 81.6" in done.stdout


def test_names_and_labels_that_are_no_utf8_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    record(path, ["neutrophil"], label=NOT_UTF8, camera=f"{NOT_UTF8}.png", settings={"camera.spec": NOT_UTF8})
    with Reader(path) as reader:
        assert reader.session().label == r"M\xfcller"
    for command in ("sessions", "report", "report --format json", "report --format csv", "export cells"):
        done = shell(f"{PROGRAM} {command} --db {path}")
        assert done.returncode == 0, done.stderr
        if "export" not in command:
            assert rb"M\xfcller" in done.stdout.replace(rb"\\", b"\\")
    done = shell(f"{PROGRAM} report --db {tmp_path}/$'M\\xfcller'.db")
    assert rb"M\xfcller.db" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_label_of_500_letters_leaves_the_list_readable(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    record(path, ["neutrophil"], label="x" * 500)
    done = shell(f"{PROGRAM} sessions --db {path}")
    assert max(map(len, done.stdout.decode().splitlines())) < 160


def test_review_without_a_terminal_names_what_to_do(path: Path) -> None:
    done = shell(f"setsid -w {PROGRAM} review --db {path}")
    assert done.returncode == 1
    assert b"review export DIR" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("after_s", [0.05, 0.2, 0.6])
def test_ctrl_c_while_it_loads_leaves_no_traceback(path: Path, after_s: float) -> None:
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "print(flush=True)\nfrom hemato_edge.cli.entry import main; main()"
    started = subprocess.Popen(
        [sys.executable, "-c", code, "analyze", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert started.stdout is not None
    started.stdout.readline()
    time.sleep(after_s)
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=DEADLINE_S)
    # before our own first line runs Python itself speaks; from then on nobody sees a traceback
    assert b"Traceback" not in said or b"hemato_edge/cli/main" not in said


@pytest.mark.parametrize("order", ["-q sessions --db {}", "sessions --db {} -q", "sessions -q --db {}"])
def test_global_options_stand_before_or_behind(path: Path, order: str) -> None:
    done = shell(f"{PROGRAM} {order.format(path)}")
    assert done.returncode == 0, done.stderr
    assert b"sample 12" in done.stdout


def test_quiet_behind_a_command_is_quiet() -> None:
    code = (
        "import logging, sys; sys.argv = ['hemato-edge', 'sessions', '--db', '/nowhere/x.db', '-vv']\n"
        "from hemato_edge.cli.main import _run; _run(); print(logging.getLogger().level)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.stdout.strip() == "10"


@pytest.mark.parametrize("width", [45, 60, 100])
def test_the_live_table_cuts_no_figure(path: Path, width: int) -> None:
    with Reader(path) as reader:
        totals = reader.totals(1)
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=True, color_system=None).print(
        live_table(totals, {"Label": "x" * 500, "Camera": "demo"})
    )
    lines = [" ".join(line.split()) for line in stream.getvalue().splitlines()]
    assert any("58.8 32.9 – 81.6" in line for line in lines)
    assert any("41.2 18.4 – 67.1" in line for line in lines)
    assert max(map(len, stream.getvalue().splitlines())) <= width


@pytest.mark.parametrize(
    ("done", "total", "shown"),
    [(7, None, "7"), (0, 90, "0 of 90"), (30, 90, "30 of 90, 60 left, about 2 min"), (90, 90, "90 of 90")],
)
def test_frames_and_time_left(done: int, total: int | None, shown: str) -> None:
    assert frames_left(done, total, 60.0) == shown


def test_a_terminal_that_is_gone_never_ends_the_count(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    class Camera:
        class health:
            changed, fault = 0, None

    with Reader(path) as reader:
        totals = reader.totals(1)
    display = Display(Camera(), 4.0, silent=False)  # type: ignore[arg-type]
    display._printed = float("-inf")
    monkeypatch.setattr(sys, "stdout", Gone())
    display.show(totals, {})
    display.show(totals, {})
