"""The camera in a process of its own: a real child, real frames, real kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from waiting import DEADLINE_S, until

from hemato_edge.cameras.calibrated import PreparedCamera
from hemato_edge.cameras.camera import EndOfFrames, Noise, OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.isolated.child import CameraRecipe
from hemato_edge.cameras.isolated.parent import MAX_LEFT_BEHIND, ReaderProcess
from hemato_edge.cameras.recovery.state import Fault
from hemato_edge.errors import CameraError, CameraFault

sys.path.insert(0, str(Path(__file__).parents[4] / "benchmarks"))
import faulty_camera

PLACE = [500, 400]
GOOD = {"do": "good", "frames": 3, "place": PLACE}


def lying(folder: Path, *steps: dict[str, object], **limits: float) -> CameraRecipe:
    """A script of steps, as a camera."""
    spec = faulty_camera.write_script(folder, {"steps": list(steps)})
    return CameraRecipe(spec, maker=faulty_camera.MAKER, **limits)


def is_there(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0]
    return False


def await_end(pid: int) -> bool:
    until(lambda: not is_there(pid), f"process {pid} ends")
    return True


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_frames_are_those_of_the_camera_each_once(tmp_path: Path) -> None:
    truth = DemoCamera(1, still=True, start=tuple(PLACE), frames=400)
    truth.open()
    files = open_files()
    with OpenCamera(ReaderProcess(lying(tmp_path, GOOD))) as camera:
        frames = [camera.read(DEADLINE_S) for _ in range(3)]
        with pytest.raises(EndOfFrames):
            camera.read(DEADLINE_S)
        assert (camera.name, camera.noise, camera.live) == ("lying camera", Noise.SENSOR, True)
        pid = camera.pid
    assert [frame.index for frame in frames] == [0, 1, 2]
    for frame in frames:
        assert np.array_equal(frame.image, truth.read().image)
        assert 0 <= time.monotonic() - frame.monotonic_s < 60  # one clock for both processes
        assert frame.utc.utcoffset() is not None
    assert not is_there(pid)
    assert open_files() == files


def test_a_read_that_never_returns_ends_with_its_process(tmp_path: Path) -> None:
    camera = ReaderProcess(lying(tmp_path, GOOD, {"do": "hang"}, GOOD))
    threads = threading.active_count()
    camera.open()
    pid = camera.pid
    for _ in range(3):
        camera.read(DEADLINE_S)
    with pytest.raises(CameraFault, match="its driver hangs") as caught:
        camera.read(0.2)
    assert caught.value.kind == Fault.HANG
    assert not is_there(pid)
    with pytest.raises(CameraError, match="is not open"):
        camera.read(1)
    camera.open()  # another process takes over
    assert camera.pid != pid
    assert camera.read(DEADLINE_S).index == 0
    camera.close()
    assert threading.active_count() == threads


@pytest.mark.parametrize(
    ("step", "kind", "said"),
    [
        ({"do": "die"}, Fault.CRASHED, "ended by signal 11"),
        ({"do": "raise"}, Fault.CRASHED, "RuntimeError: the driver's binding is out of order"),
        ({"do": "leave", "absent": 9}, None, "stopped giving frames"),
    ],
)
def test_what_goes_wrong_in_the_child_is_told(tmp_path: Path, step, kind, said: str) -> None:
    with OpenCamera(ReaderProcess(lying(tmp_path, GOOD, step))) as camera:
        for _ in range(3):
            camera.read(DEADLINE_S)
        with pytest.raises(CameraError, match=said) as caught:
            camera.read(DEADLINE_S)
    assert getattr(caught.value, "kind", None) == kind


def test_an_open_that_never_returns(tmp_path: Path) -> None:
    recipe = lying(tmp_path, {"do": "leave", "absent": 9, "hangs": 1}, open_timeout_s=0.2)
    camera = ReaderProcess(recipe)
    with pytest.raises(CameraFault, match="did not answer"), OpenCamera(camera):
        pass
    assert camera.pid is None


def test_processes_that_cannot_be_killed_are_not_stacked(tmp_path: Path) -> None:
    """A process that waits in the kernel outlives SIGKILL; here, one that is not killed at all stands for it."""
    recipe = lying(tmp_path, {"do": "leave", "absent": 99, "hangs": 1}, open_timeout_s=0.1)
    camera = ReaderProcess(recipe, kill=lambda child: None)
    for _ in range(MAX_LEFT_BEHIND):
        with pytest.raises(CameraFault, match="did not answer"):
            camera.open()
    left = list(camera.left_behind)
    assert [is_there(child.pid) for child in left] == [True] * MAX_LEFT_BEHIND
    with pytest.raises(CameraFault, match=f"processes {left[0].pid}, {left[1].pid} wait in it and cannot be ended"):
        camera.open()
    assert camera.left_behind == left
    for child in left:  # the kernel lets go
        child.kill()
        child.wait(DEADLINE_S)
    with pytest.raises(CameraFault, match="did not answer"):
        camera.open()
    (last,) = camera.left_behind
    last.kill()
    last.wait(DEADLINE_S)


def test_interrupt_ends_a_wait_at_once(tmp_path: Path) -> None:
    camera = ReaderProcess(lying(tmp_path, GOOD, {"do": "hang"}))
    camera.open()
    for _ in range(3):
        camera.read(DEADLINE_S)
    timer = threading.Timer(0.3, camera.interrupt)
    timer.start()
    with pytest.raises(EndOfFrames):
        camera.read(DEADLINE_S)
    timer.join()
    assert camera.pid is None
    with pytest.raises(EndOfFrames):
        camera.open()


def test_the_child_does_not_outlive_its_parent(tmp_path: Path) -> None:
    recipe = lying(tmp_path, {"do": "good", "frames": 1, "place": PLACE}, {"do": "hang"})
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from hemato_edge.cameras.isolated.child import CameraRecipe\n"
        "from hemato_edge.cameras.isolated.parent import ReaderProcess\n"
        f"camera = ReaderProcess(CameraRecipe({recipe.spec!r}, maker={recipe.maker!r})); camera.open()\n"
        f"camera.read({DEADLINE_S}); print(camera.pid, flush=True); camera.read({DEADLINE_S})"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_there(pid)
        parent.send_signal(signal.SIGKILL)
    assert await_end(pid)


def test_signals_of_the_terminal_and_the_service_are_the_parents(tmp_path: Path) -> None:
    with OpenCamera(ReaderProcess(lying(tmp_path, GOOD))) as camera:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(camera.pid, number)
        assert camera.read(DEADLINE_S).index == 0
        assert os.getpgid(camera.pid) != os.getpgid(0)


def test_a_replugged_device_is_opened_by_its_link(tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    spec = faulty_camera.write_script(folder, {"device": "video0", "steps": [GOOD, {"do": "leave"}, GOOD]})
    camera = ReaderProcess(CameraRecipe(spec, maker=faulty_camera.MAKER), links=folder / faulty_camera.LINKS)
    camera.open()
    assert camera.name == str(folder / "video0")
    for _ in range(3):
        camera.read(DEADLINE_S)
    with pytest.raises(CameraFault, match="stopped giving frames") as caught:
        camera.read(DEADLINE_S)
    assert caught.value.kind == Fault.DISCONNECTED
    camera.close()
    (folder / "video0").touch()  # another camera has taken its number: it is not ours
    with pytest.raises(CameraFault, match="is gone") as caught:
        camera.open()
    assert caught.value.kind == Fault.DISCONNECTED
    assert camera.pid is None  # no process for a device that is not there
    faulty_camera.plug_in(folder, "video2")
    camera.open()
    assert camera.name == str(folder / "video2")
    camera.close()


def test_a_missing_device_is_told_as_without_a_child() -> None:
    with (
        pytest.raises(CameraError, match="no camera /dev/video97") as caught,
        OpenCamera(ReaderProcess(CameraRecipe("97"))),
    ):
        pass
    assert "demo" in caught.value.fix


def test_a_video_is_read_in_order_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "walk.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (640, 480))
    source = DemoCamera(1)
    source.open()
    for _ in range(12):
        writer.write(source.read().image)
    writer.release()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for file, whole in ((path, True), (cut, False)):
        with OpenCamera(ReaderProcess(CameraRecipe(str(file)), live=False)) as camera:
            assert (camera.live, camera.noise, camera.total_frames) == (False, Noise.NONE, 12)
            indices = []
            with suppress(EndOfFrames):
                while True:
                    indices.append(camera.read(DEADLINE_S).index)
        assert indices == list(range(len(indices)))
        assert (len(indices) == 12) is whole
        assert camera.skipped == ({} if whole else {"cut_off_video": 12 - len(indices)})


def test_locked_controls_reach_through(tmp_path: Path) -> None:
    reader = ReaderProcess(lying(tmp_path, GOOD))
    prepared = PreparedCamera(reader, (640, 480), "v4l2", {"exposure": 1.0}, 20.0)
    with OpenCamera(prepared) as camera:  # the lying camera has no controls, and that comes back
        assert prepared.state == "not applied"
        assert camera.read(DEADLINE_S).index == 0


def test_the_child_is_small() -> None:
    """Neither models nor settings nor the runtime are loaded to read a V4L2 device."""
    code = (
        "import sys\n"
        "import hemato_edge.cameras.drivers.opencv, hemato_edge.cameras.drivers.picamera\n"
        "import hemato_edge.cameras.isolated.child, hemato_edge.cameras.registry\n"
        "loaded = {m.split('.')[0] for m in sys.modules}\n"
        "rooms = {m.split('.')[1] for m in sys.modules if m.startswith('hemato_edge.')}\n"
        "print(sorted(loaded & {'pydantic', 'ai_edge_litert', 'tflite_runtime', 'typer', 'rich', 'sqlite3'}))\n"
        "print(sorted(rooms))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    libraries, rooms = done.stdout.splitlines()
    assert libraries == "[]"
    assert rooms == "['about', 'cameras', 'credentials', 'errors', 'escaped', 'extensions', 'home', 'labels', 'values']"
