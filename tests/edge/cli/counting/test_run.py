"""`hemato-edge run` as a process: the demo to its end, signals, and every way it can be started wrongly."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from outcomes import assert_one_line_error
from waiting import DEADLINE_S, until

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.labels import LEUKOCYTES
from hemato_edge.models.bundle import read_bundle, shipped_classifier, write_bundle
from hemato_edge.store.writer import open_writer

WATCHED = """
import sys
from hemato_edge.cli.counting import run
from hemato_edge.cli.main import main
from hemato_edge.device.process import LoadedFiles

run.USUAL_AFTER, release = 5, LoadedFiles.release
LoadedFiles.release = lambda self: print("released", release(self), file=sys.stderr)
sys.argv = ["hemato-edge", "run", "--camera", "demo", "--max-frames", "12", "--no-display", "--db", sys.argv[1]]
main()
"""


def test_the_demo_ends_with_a_differential_and_the_path_of_the_database(program, tmp_path: Path) -> None:
    done = program("run", "--camera", "demo", "--until", 10, "--db", "counts.db")
    assert done.returncode == 0, done.stderr
    assert "95 % CI" in done.stdout
    assert "Neutrophils" in done.stdout
    assert str(tmp_path / "counts.db") in done.stdout
    assert RESEARCH_USE_NOTICE in done.stdout
    assert "Stopped: the target of 10 white cells was reached." in done.stderr


def test_json_is_one_document_and_agrees_with_report(program) -> None:
    done = program("run", "--camera", "demo:2", "--until", 5, "--db", "a.db", "--label", "tube 7", "--json")
    document = json.loads(done.stdout)
    assert document == json.loads(program("report", "--db", "a.db", "--format", "json").stdout)
    rows = {row["label"]: row for row in document["differential"]}
    assert set(rows) == set(LEUKOCYTES)
    assert sum(row["count"] for row in rows.values()) >= 5
    assert document["counts"]["wbc"] == sum(row["count"] for row in rows.values()) + document["unclassified"]
    assert all(row["ci_low"] <= row["percent"] <= row["ci_high"] for row in rows.values())
    assert document["session"]["label"] == "tube 7"
    assert document["notice"] == RESEARCH_USE_NOTICE
    assert len(document["provenance"]["model_sha256"]) == 64


def test_the_same_demo_gives_the_same_counts(program) -> None:
    reports = [
        json.loads(program("run", "--camera", "demo:3", "--max-frames", 60, "--db", f"{i}.db", "--json").stdout)
        for i in range(2)
    ]
    assert reports[0]["counts"] == reports[1]["counts"]
    assert reports[0]["differential"] == reports[1]["differential"]


def test_what_only_loading_used_is_released_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WATCHED, str(tmp_path / "x.db")]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stderr.count("released True") == 1


def test_a_folder_of_fields_is_recorded_whole(program, fields: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for path in fields.iterdir():
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "in" / "broken.png").write_bytes(b"broken")
    done = program("run", "--camera", "in", "--db", "x.db", "--json")
    document = json.loads(done.stdout)
    assert document["fields"] == 3
    assert document["skipped"] == {"unreadable": 1}
    assert "broken.png is not a picture" in done.stderr
    assert document["counts"]["wbc"] >= 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "hemato_edge.cli.main", "run", "--camera", "demo", "--db", "s.db", "--no-display"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    until(lambda: fields_in(tmp_path / "s.db") >= 3, "three fields are recorded")
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, stderr
    assert f"stopped by {number.name}" in stderr
    assert "Neutrophils" in stdout
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection:
        assert connection.execute("SELECT state FROM sessions").fetchall() == [("finished",)]


def fields_in(path: Path) -> int:
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM fields").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--camera", "97"], 3, ["/dev/video97", "--camera demo"]),
        (["--camera", "nowhere"], 3, ["neither a camera nor a file"]),
        (["--camera", "empty"], 3, ["no picture in"]),
        (["--camera", "picamera"], 3, ["sudo apt install -y python3-picamera2"]),
        (["--camera", "gst:videotestsrc"], 3, ["python3-opencv"]),
        (["--camera", "demo", "--model", "none.tflite"], 4, ["no model at"]),
        (["--camera", "demo", "--model", "plain.tflite"], 4, ["has no card", "hemato-edge convert"]),
        (["--camera", "demo", "--model", "changed.tflite"], 4, ["hash"]),
        (["--camera", "demo", "--db", "newer.db"], 5, ["newer"]),
        (["--camera", "demo", "--db", "text.db"], 5, ["text.db"]),
        (["--camera", "demo", "--db", "no/such/folder/x.db"], 5, ["folder"]),
        (["--camera", "demo", "--db", "/proc/x.db"], 5, ["/proc"]),
        (["--camera", "demo", "--config", "bad.toml"], 6, ["camera.sepc", "camera.spec"]),
        (["--camera", "demo", "--config", "none.toml"], 6, ["none.toml"]),
    ],
)
def test_bad_input_is_one_line_with_the_next_step(program, tmp_path: Path, arguments, code: int, said) -> None:
    (tmp_path / "empty").mkdir()
    shipped = shipped_classifier().read_bytes()
    (tmp_path / "plain.tflite").write_bytes(shipped[:1_000_000])
    (tmp_path / "changed.tflite").write_bytes(shipped[:5000] + bytes([shipped[5000] ^ 1]) + shipped[5001:])
    (tmp_path / "text.db").write_text("not a database, but long enough to look at" * 20)
    (tmp_path / "bad.toml").write_text("[camera]\nsepc = 'demo'\n")
    open_writer(tmp_path / "newer.db").close()
    with closing(sqlite3.connect(tmp_path / "newer.db")) as connection:
        connection.execute("PRAGMA user_version = 9999")
    before = (tmp_path / "text.db").read_bytes()
    extra = [] if "--db" in arguments else ["--db", "good.db"]
    assert_one_line_error(program("run", *arguments, *extra), code, *said)
    assert (tmp_path / "text.db").read_bytes() == before


def test_a_model_of_another_shape_is_refused(program, tmp_path: Path) -> None:
    """A card that promises another input than the file takes: nothing is labelled."""
    bundle = read_bundle(shipped_classifier())
    card = bundle.card.model_copy(
        update={"input": bundle.card.input.model_copy(update={"size": 64}), "embedding": None, "caution": None}
    )
    inputs = np.stack([cv2.resize(i, (64, 64)) for i in bundle.golden_inputs])
    write_bundle(tmp_path / "shape.tflite", bundle.flatbuffer, card, inputs, bundle.golden_outputs)
    done = program("run", "--camera", "demo", "--model", "shape.tflite", "--db", "x.db")
    assert_one_line_error(done, 4, "its card says [1, 64, 64, 3]")


def test_a_failed_golden_check_is_refused(program, tmp_path: Path) -> None:
    bundle = read_bundle(shipped_classifier())
    wrong = {"logits": bundle.golden_outputs["logits"] + 1}
    card = bundle.card.model_copy(update={"embedding": None, "caution": None})
    write_bundle(tmp_path / "g.tflite", bundle.flatbuffer, card, bundle.golden_inputs, wrong)
    done = program("run", "--camera", "demo", "--model", "g.tflite", "--db", "x.db")
    assert_one_line_error(done, 4, "golden check")
    assert not (tmp_path / "x.db").exists()


def test_a_second_daemon_on_one_database_is_refused(program, tmp_path: Path) -> None:
    with open_writer(tmp_path / "one.db"):
        done = program("run", "--camera", "demo", "--db", "one.db", "--max-frames", 2)
    assert_one_line_error(done, 5, str(os.getpid()))


def test_usage_errors_exit_with_two(program) -> None:
    assert program("run", "--until", "many").returncode == 2
    assert program("nonsense").returncode == 2


def test_version_and_help(program) -> None:
    assert program("--version").stdout.startswith("hemato-edge 0.")
    for command in (
        "run",
        "analyze",
        "classify",
        "report",
        "export",
        "sessions",
        "model",
        "config",
        "service",
        "train",
        "convert",
    ):
        assert program(command, "--help").returncode == 0
