"""Cameras that lie, through the real pipeline as far as SQLite: reader process, guard, daemon, drawn slide, store.

The lying camera shows still places of the drawn slide with a fault between them. The white cells on each place are
known from a run without faults, so a frame that was handed out twice, a place that was counted again, or a camera that
did not come back is seen in the counts.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
import threading
import time
from contextlib import closing, suppress
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

import pytest
from waiting import until

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.isolated.child import CameraRecipe
from hemato_edge.cameras.isolated.parent import ReaderProcess
from hemato_edge.cameras.recovery.guarded import GuardedCamera, Patience
from hemato_edge.cameras.recovery.state import Change, Fault
from hemato_edge.errors import CameraError
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.pipeline.running.daemon import Daemon, Limits, Outcome
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import SessionStart
from hemato_edge.store.writer import Writer, open_writer
from hemato_edge.values import FieldResult
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_edge.vision.quality import QualityGate

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
import faulty_camera

A, B, C = (1500, 900), (100, 1500), (1700, 300)
"""Places that share no cell, on which the same is counted whichever frames are analysed."""
FRAMES, FPS = 9, 25
QUICK = Patience(
    stalled_s=0.1,
    frozen_s=0.3,
    nearly_frozen_s=0.5,
    black_s=0.4,
    wrong_size_s=0.2,
    first_wait_s=0.02,
    longest_wait_s=0.5,
    steady_s=0.0,
    settle_s=0.2,
)
READ_S = 60.0
"""Also on a busy machine a frame comes in that time; where a driver hangs, `HANGS_S` is waited for."""
HANGS_S = 4.0


@pytest.fixture(scope="module")
def classifier():
    return load_classifier()


@pytest.fixture
def writer(tmp_path: Path):
    with open_writer(tmp_path / "counts.db") as writer:
        yield writer


def analyzer(classifier) -> FieldAnalyzer:
    return FieldAnalyzer(QualityGate(), OpenCvLocator(), classifier)


@cache
def on_place(place: tuple[int, int]) -> tuple[int, int]:
    """White and red cells of a place, counted without a fault."""
    one, camera = analyzer(load_classifier()), DemoCamera(1, still=True, start=place, frames=400)
    camera.open()
    found = [one.analyze(camera.read()) for _ in range(FRAMES)] + [one.close()]
    results = [result for result in found if isinstance(result, FieldResult)]
    return sum(len(r.new_cells) for r in results), sum(r.new_red_cells for r in results)


def good(place: tuple[int, int], frames: int = FRAMES) -> dict[str, object]:
    return {"do": "good", "frames": frames, "place": place}


def children() -> list[str]:
    """Processes that this one has started and that still run; others' tests may have left some."""
    found: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            found += (task / "children").read_text().split()
    return found


class Run:
    """A session with the lying camera; what was told of it, and what the process held on to."""

    def __init__(self, folder: Path, writer: Writer, classifier, *steps: dict[str, object], **script: object) -> None:
        spec = faulty_camera.write_script(folder, {"fps": FPS, "steps": list(steps), **script})
        open_s = HANGS_S if any("hangs" in step for step in steps) else READ_S
        read_s = HANGS_S if any(step["do"] == "hang" for step in steps) else open_s
        recipe = CameraRecipe(spec, maker=faulty_camera.MAKER, open_timeout_s=open_s, read_timeout_s=read_s)
        self.folder = folder
        self.reader = ReaderProcess(recipe, links=folder / faulty_camera.LINKS)
        self.changes: list[Change] = []
        self.guard = GuardedCamera(self.reader, self.reader.interrupt, QUICK, self.told, read_s)
        self.most_threads = self.most_files = self.most_children = 0
        self.children_before = len(children())
        self.writer = writer
        self.daemon = Daemon(self.guard, analyzer(classifier), writer, self.begin, Limits(duration_s=300))

    def begin(self) -> int:
        return self.writer.start_session(
            SessionStart("test", "", None, "m", "0" * 64, {}, {}, datetime.now(timezone.utc), time.monotonic())
        )

    def told(self, change: Change) -> None:
        self.changes.append(change)

    def run(self) -> Outcome:
        return self.daemon.run(lambda _: self.look(), every_s=0.05)

    def look(self) -> None:
        own = [t for t in threading.enumerate() if t.name in ("capture", "analysis", "writer")]
        self.most_threads = max(self.most_threads, len(own))
        self.most_files = max(self.most_files, len(list(Path("/proc/self/fd").iterdir())))
        self.most_children = max(self.most_children, len(children()) - self.children_before)

    def states(self) -> list[str]:
        return [f"{change.state.value} {change.fault.value}" for change in self.changes if change.fault]


def counted(*places: tuple[int, int]) -> tuple[int, int]:
    return sum(on_place(place)[0] for place in places), sum(on_place(place)[1] for place in places)


def assert_counted_once(outcome: Outcome, *places: tuple[int, int]) -> None:
    white, red = counted(*places)
    assert sum(outcome.totals.labels.values()) == white
    assert abs(outcome.totals.rbc - red) <= 2  # at the border of a frame, one more or less


def there_and_back(fault: str) -> list[str]:
    return [f"{state} {fault}" for state in ("stalled", "recovering", "live")]


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        pytest.param({"do": "freeze"}, Fault.FROZEN, marks=pytest.mark.slow),
        ({"do": "hang"}, Fault.HANG),
        ({"do": "leave", "absent": 2}, Fault.NO_FRAME),
        pytest.param({"do": "tremble"}, Fault.FROZEN, marks=pytest.mark.slow),
        pytest.param({"do": "loop"}, Fault.FROZEN, marks=pytest.mark.slow),
        pytest.param({"do": "black"}, Fault.BLACK, marks=pytest.mark.slow),
        pytest.param({"do": "small"}, Fault.WRONG_SIZE, marks=pytest.mark.slow),
        pytest.param({"do": "raise"}, Fault.CRASHED, marks=pytest.mark.slow),
        pytest.param({"do": "die"}, Fault.CRASHED, marks=pytest.mark.slow),
    ],
    ids=lambda value: value["do"] if isinstance(value, dict) else value.value,
)
def test_counts_go_on_after_a_fault_and_nothing_is_counted_twice(
    tmp_path: Path, writer: Writer, classifier, step: dict[str, object], fault: Fault
) -> None:
    run = Run(tmp_path / "camera", writer, classifier, good(A), step, good(A, 5), good(B))
    outcome = run.run()
    times = len(run.changes) // 3 if fault is Fault.HANG else 1  # on a busy machine a late frame is a hang, too
    assert run.states() == there_and_back(fault.value) * max(1, times)
    assert_counted_once(outcome, A, B)
    assert outcome.totals.frames <= 3 * FRAMES  # no frame was made up
    assert (run.most_threads, run.most_children) == (3, 1)
    with Reader(writer.path) as reader:
        tallies = reader.tallies(outcome.totals.session)
        indices = [field.frame_index for field in reader.fields(outcome.totals.session)]
    assert [tallies.get(f"camera:{name}") for name in ("stalled", "recovering", "live", fault.value)] == [times] * 4
    assert indices == sorted(indices)


@pytest.mark.slow
def test_one_fault_after_another_leaves_nothing_behind(tmp_path: Path, writer: Writer, classifier, caplog) -> None:
    """Every kind in one session, twice over: states in order, and no thread, process or file more than at the start."""
    caplog.set_level(logging.INFO, "hemato_edge")
    faults = {"die": "crashed", "freeze": "frozen", "small": "wrong_size", "raise": "crashed", "black": "black"}
    steps = [step for name in faults for step in ({"do": name}, good(A, 4))] * 2
    run = Run(tmp_path / "camera", writer, classifier, good(A), *steps, good(C))
    before = len(list(Path("/proc/self/fd").iterdir()))
    outcome = run.run()
    expected = [state for fault in [*faults.values()] * 2 for state in there_and_back(fault)]
    assert run.states() == expected
    assert [r.getMessage().split(": ")[1] for r in caplog.records if r.name.endswith("health")] == [
        f"{state.split()[0]} ({state.split()[1]})" for state in expected
    ]
    assert_counted_once(outcome, A, C)
    assert (run.most_threads, run.most_children) == (3, 1)
    assert run.most_files <= before + 8  # socket, memory, and what starting a process needs for a moment; ten starts
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert run.reader.left_behind == []


@pytest.mark.slow
def test_a_driver_that_hangs_in_open_again_and_again_is_failed_and_still_tried(
    tmp_path: Path, writer: Writer, classifier
) -> None:
    gone, hanging = {"do": "leave", "absent": 7}, {"do": "leave", "absent": 1, "hangs": 1}
    run = Run(tmp_path / "camera", writer, classifier, good(A), gone, good(A), hanging, good(B))
    outcome = run.run()
    assert run.states() == [
        "stalled no_frame",
        "recovering no_frame",
        "failed cannot_open",
        "live cannot_open",
        "stalled no_frame",
        "recovering no_frame",
        "live no_frame",
    ]
    assert_counted_once(outcome, A, B)
    assert faulty_camera.read_place(tmp_path / "camera")["opens"] == 1 + 8 + 2


def test_a_camera_that_comes_back_under_another_path(tmp_path: Path, writer: Writer, classifier) -> None:
    folder = tmp_path / "dev"
    run = Run(folder, writer, classifier, good(A), {"do": "leave"}, good(A), good(B), device="video0")

    def told(change: Change) -> None:
        run.changes.append(change)
        if change.state.value == "recovering":  # somebody puts the plug back, and another camera takes the number
            (folder / "video0").touch()
            faulty_camera.plug_in(folder, "video2")

    run.guard.health._tell = told
    outcome = run.run()
    assert run.states() == there_and_back("disconnected")
    assert run.reader.name == str(folder / "video2")
    assert_counted_once(outcome, A, B)


@pytest.mark.slow
def test_a_camera_that_comes_and_goes_is_tried_ever_more_slowly(tmp_path: Path, writer: Writer, classifier) -> None:
    flapping = [step for _ in range(6) for step in (good(A, 3), {"do": "leave"})]
    run = Run(tmp_path / "camera", writer, classifier, good(A), *flapping, good(B))
    run.guard._patience = Patience(steady_s=1000, first_wait_s=0.02, longest_wait_s=10, failed_tries=3)
    outcome = run.run()
    assert_counted_once(outcome, A, B)
    away = [change.lasted_s for change in run.changes if change.state.value == "live"]
    assert len(away) == 6
    assert away[-1] > 0.02 * 2**4
    assert run.most_children == 1


@pytest.mark.slow
def test_a_slow_camera_is_no_failing_one(tmp_path: Path, writer: Writer, classifier) -> None:
    slow = {"do": "slow", "frames": 3, "pause_s": 1.2, "place": A}
    run = Run(tmp_path / "camera", writer, classifier, good(A), slow, good(B))
    assert_counted_once(run.run(), A, B)
    assert run.changes == []


def test_a_stop_ends_a_recovery_at_once(tmp_path: Path, writer: Writer, classifier) -> None:
    run = Run(tmp_path / "camera", writer, classifier, good(A), {"do": "hang"})
    run.guard.read_timeout_s = 500

    def stop_in_the_hang() -> None:
        until(lambda: faulty_camera.read_place(tmp_path / "camera")["step"] == 1, "the driver hangs")
        until(lambda: run.daemon.totals is not None and run.daemon.totals.fields > 0, "a field is recorded")
        run.daemon.stop("enough")

    threading.Thread(target=stop_in_the_hang).start()
    outcome = run.run()  # else for 500 s
    assert outcome.reason == "enough"
    assert 0 < outcome.totals.fields <= FRAMES
    assert run.reader.pid is None


def test_the_state_is_on_disk_while_it_lasts(tmp_path: Path, writer: Writer, classifier) -> None:
    run = Run(tmp_path / "camera", writer, classifier, good(A), {"do": "leave", "absent": 10**9})
    seen: list[dict[str, int]] = []

    def look(_: object) -> None:
        if run.daemon.session is not None:
            with closing(sqlite3.connect(writer.path)) as other:
                seen.append(
                    dict(other.execute("SELECT name, count FROM tallies WHERE name LIKE 'camera:%'").fetchall())
                )
            if seen[-1].get("camera:failed"):
                run.daemon.stop("seen")

    outcome = run.daemon.run(look, every_s=0.05)
    assert outcome.reason == "seen"
    assert seen[-1] == {"camera:no_frame": 1, "camera:stalled": 1, "camera:recovering": 1, "camera:failed": 1}
    assert run.guard.health.status_line().startswith("failed for ")
    assert_counted_once(outcome, A)


def test_a_camera_that_is_not_there_at_the_start_is_an_error(tmp_path: Path, writer: Writer, classifier) -> None:
    run = Run(tmp_path / "camera", writer, classifier, {"do": "leave", "absent": 9})
    with pytest.raises(CameraError, match="There is no faulty camera") as caught:
        run.run()
    assert caught.value.exit_code == 3
    assert run.daemon.session is None
    assert run.changes == []
