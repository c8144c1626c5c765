"""`run --wait` and `hemato-edge door`: focus first, start and stop from another terminal, no web needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from outcomes import assert_one_line_error
from processes import process

from hemato_edge.calibration.profile import Profile
from hemato_edge.calibration.profiles import ProfileFolder
from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import Relabel, Start, State, Stop, Undo, UseProfile
from hemato_edge.door.messages import DoorError
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer

PATIENCE_S = 90.0


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run over the live demo that waits at `door.sock`, recording into `x.db`."""
    command = [sys.executable, "-m", "hemato_edge.cli.main", "run", "--wait", "--camera", "live-demo"]
    command += ["--db", "x.db", "--door", "door.sock", "--no-display"]
    home = {**os.environ, "HOME": str(tmp_path)}
    with process(command, cwd=tmp_path, env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        yield run


def reached(client: DoorClient, phase: str) -> dict[str, object]:
    """What the door says once the run is in that phase."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            told = dict(client.ask(State()).told)
        except DoorError:
            told = {}
        if told.get("phase") == phase and told.get("verdict") is not None:
            return told
        time.sleep(0.1)
    raise AssertionError(f"not {phase} in {PATIENCE_S:.0f} s")


def test_it_shows_pictures_before_it_counts_and_counts_once_it_is_told(waiting, program, tmp_path: Path) -> None:
    with DoorClient(tmp_path / "door.sock") as client:
        assert reached(client, "waiting")["session"] is None
        shown = program("door", "frame", "--door", "door.sock", "view.jpg")
        assert shown.returncode == 0, shown.stderr
        assert cv2.imread(str(tmp_path / "view.jpg")).shape == (480, 640, 3)
        with Reader(tmp_path / "x.db") as reader:
            assert reader.sessions() == []
        open_writer(tmp_path / "x.db").close()  # other programs may write while it waits
        begun = program("door", "start", "--door", "door.sock", "--label", "tube 7", "--until", 1000, "--json")
        assert json.loads(begun.stdout) == {"session": 1}
        assert reached(client, "counting")["target"] == 1000
        again = program("door", "start", "--door", "door.sock")
        assert_one_line_error(again, 14, "A session runs already.")
        assert program("door", "note", "slide moved", "--door", "door.sock").returncode == 0
        cell = first_cell(tmp_path / "x.db")
        place = (1, cell.field, cell.number)
        client.ask(Relabel(*place, "basophil", "Ada"))
        with pytest.raises(DoorError, match="basophil meanwhile") as changed:
            client.ask(Relabel(*place, "monocyte", "Ben", cell.name))
        assert changed.value.kind == "changed"
        assert client.ask(Undo(1, "Ben")).told["undone"]["was"] == "basophil"
        ended = client.ask(Stop())
    assert waiting.wait(PATIENCE_S) == 0
    with Reader(tmp_path / "x.db") as reader:
        record = reader.session(1)
        assert (record.label, record.target, record.state) == ("tube 7", 1000, "finished")
        assert reader.totals(1).wbc == ended.told["wbc"]
        assert "note:slide moved" in reader.tallies(1)
        assert [change.after for change in reader.relabels(1)] == ["basophil", cell.name]
    assert not (tmp_path / "door.sock").exists()


def first_cell(database: Path):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with Reader(database) as reader:
            for cell in reader.cells(1):
                return cell
        time.sleep(0.1)
    raise AssertionError("no cell was counted")


def test_pressing_start_twice_begins_one_session(waiting, tmp_path: Path) -> None:
    with DoorClient(tmp_path / "door.sock") as client:
        reached(client, "waiting")
        assert [client.ask(Start("x"), key="one press").told for _ in range(2)] == [{"session": 1}] * 2
    waiting.send_signal(signal.SIGTERM)
    assert waiting.wait(PATIENCE_S) == 0
    with Reader(tmp_path / "x.db") as reader:
        assert len(reader.sessions()) == 1


def test_a_signal_ends_a_run_that_waits_and_leaves_no_session(waiting, tmp_path: Path) -> None:
    with DoorClient(tmp_path / "door.sock") as client:
        reached(client, "waiting")
    waiting.send_signal(signal.SIGTERM)
    _, said = waiting.communicate(timeout=PATIENCE_S)
    assert waiting.returncode == 0, said
    assert "Stopped: stopped by SIGTERM." in said
    with Reader(tmp_path / "x.db") as reader:
        assert reader.sessions() == []


def test_files_wait_and_nothing_of_them_is_lost(fields: Path, program, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hemato_edge.cli.main", "run", "--wait", "--camera", str(fields)]
    command += ["--db", "f.db", "--door", "door.sock", "--json"]
    with process(command, cwd=tmp_path, stdout=subprocess.PIPE) as run:
        with DoorClient(tmp_path / "door.sock") as client:
            reached(client, "waiting")
            client.ask(Start("folder"))
        told, _ = run.communicate(timeout=PATIENCE_S)
    held = json.loads(told)
    plain = json.loads(program("run", "--camera", fields, "--db", "p.db", "--json").stdout)
    assert held["fields"] == plain["fields"] == 3
    assert held["counts"] == plain["counts"]


def test_nobody_behind_the_door_is_one_line(program) -> None:
    done = program("door", "state", "--door", "nobody.sock")
    assert_one_line_error(done, 14, "Nothing runs behind the door", "run --wait")


def test_another_profile_is_chosen_and_the_run_begins_anew_with_it(waiting, tmp_path: Path) -> None:
    folder = ProfileFolder(tmp_path / ".local" / "share" / "hemato-edge" / "profiles")
    folder.save(Profile(name="40x", frame_size=(640, 480)))
    with DoorClient(tmp_path / "door.sock") as client:
        assert reached(client, "waiting")["profile"] is None
        assert client.ask(UseProfile("40x")).told == {"profile": "40x", "kept": True}
        end = time.monotonic() + PATIENCE_S
        while reached(client, "waiting")["profile"] != "40x":
            assert time.monotonic() < end
        session = client.ask(Start("tube 8", 0)).told["session"]
        client.ask(Stop())
    assert waiting.wait(PATIENCE_S) == 0
    with Reader(tmp_path / "x.db") as reader:
        assert reader.session(session).settings["calibration"]["profile"] == "40x"
    assert 'profile = "40x"' in (tmp_path / ".local" / "share" / "hemato-edge" / "changes.toml").read_text()


def test_a_waiting_run_goes_on_without_a_profile_that_was_chosen_and_is_lost(tmp_path: Path) -> None:
    kept = tmp_path / ".local" / "share" / "hemato-edge"
    kept.mkdir(parents=True)
    (kept / "changes.toml").write_text('[calibration]\nprofile = "40x"\n', encoding="utf-8")
    command = [sys.executable, "-m", "hemato_edge.cli.main", "run", "--wait", "--camera", "live-demo"]
    command += ["--db", "x.db", "--door", "door.sock", "--no-display"]
    home = {**os.environ, "HOME": str(tmp_path)}
    with (
        process(command, cwd=tmp_path, env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run,
        DoorClient(tmp_path / "door.sock") as client,
    ):
        assert reached(client, "waiting")["profile"] is None
        session = client.ask(Start("tube 9", 0)).told["session"]
        client.ask(Stop())
        assert "profile_lost" in run.communicate(timeout=PATIENCE_S)[1]
    with Reader(tmp_path / "x.db") as reader:
        assert "profile" not in reader.session(session).settings.get("calibration", {})


def test_a_profile_that_was_named_and_is_lost_ends_the_run(program) -> None:
    done = program("run", "--wait", "--camera", "demo", "--db", "x.db", "--profile", "40x")
    assert_one_line_error(done, 10, "40x", "calibrate")
