"""The guard itself, over cameras that do at once what they are told: nothing here depends on how fast a machine is."""

from __future__ import annotations

import time
from collections import Counter, deque
from datetime import datetime, timezone
from types import SimpleNamespace

import numpy as np
import pytest

from hemato_edge.cameras.camera import EndOfFrames, NoFrameYet, Noise
from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.cameras.factory import make_guarded_camera
from hemato_edge.cameras.isolated.parent import ReaderProcess
from hemato_edge.cameras.recovery.guarded import GuardedCamera, Patience
from hemato_edge.cameras.recovery.state import CameraState, Fault
from hemato_edge.errors import CalibrationError, CameraError, CameraFault
from hemato_edge.settings import CameraSettings
from hemato_edge.values import Frame

FIELD = draw_field(1)[0]
AT_ONCE = Patience(0, 0, 0, 0, 0, first_wait_s=0, longest_wait_s=0, failed_tries=2, steady_s=1000, settle_s=0)
CHANCE = np.random.default_rng(7)


def fresh() -> np.ndarray:
    return np.clip(FIELD + CHANCE.integers(-3, 4, FIELD.shape), 0, 255).astype(np.uint8)


class TellTale:
    """Gives what stands in its list: a picture, or an exception to raise. `opens` is what `open` raises, in turn."""

    def __init__(self, *shows: object, opens: tuple[Exception | None, ...] = (), live: bool = True) -> None:
        self.name, self.live, self.noise = "tell-tale", live, Noise.SENSOR
        self.total_frames = None
        self.skipped: Counter[str] = Counter()
        self._shows, self._opens = deque(shows), deque(opens)
        self.opened = self.closed = self.index = 0

    def open(self) -> None:
        self.opened += 1
        self.index = 0  # as drivers do
        trouble = self._opens.popleft() if self._opens else None
        if trouble is not None:
            raise trouble

    def read(self, timeout_s: float) -> Frame:
        if not self._shows:
            raise EndOfFrames
        shown = self._shows.popleft()
        if isinstance(shown, Exception):
            raise shown
        self.index += 1
        return Frame(shown, self.index - 1, time.monotonic(), datetime.now(timezone.utc), self.name)

    def close(self) -> None:
        self.closed += 1


def read_all(guard: GuardedCamera) -> list[Frame]:
    frames = []
    while True:
        try:
            frames.append(guard.read(0.0))
        except NoFrameYet:
            continue
        except EndOfFrames:
            return frames


def guarded(camera: TellTale, patience: Patience = AT_ONCE) -> GuardedCamera:
    guard = GuardedCamera(camera, patience=patience)
    guard.open()
    return guard


def states(guard: GuardedCamera) -> list[tuple[str, str | None]]:
    return [(change.state.value, change.fault and change.fault.value) for change in guard.health.changes]


GONE = CameraFault(Fault.DISCONNECTED, "gone")
BLACK = np.zeros_like(FIELD)


def test_no_frame_is_handed_out_twice_and_numbers_go_on() -> None:
    one, two, three, four = (fresh() for _ in range(4))
    camera = TellTale(one, one, two, GONE, three, four, one)
    guard = guarded(camera, Patience(first_wait_s=0))
    frames = read_all(guard)
    # `three` comes first after the fault: it only proves, with `four`, that pictures change
    assert [np.array_equal(f.image, image) for f, image in zip(frames, (one, two, four), strict=True)] == [True] * 3
    assert [f.index for f in frames] == [0, 2, 4]
    assert [f.stretch for f in frames] == [0, 0, 1]
    assert camera.opened == 2


def test_a_repeated_frame_now_and_then_is_no_fault() -> None:
    shown = [image for _ in range(6) for image in [fresh()] * 2]
    guard = guarded(TellTale(*shown), Patience())
    assert len(read_all(guard)) == 6
    assert states(guard) == []


def test_a_stall_that_passes_by_itself_needs_no_restart() -> None:
    camera = TellTale(fresh(), BLACK, BLACK, fresh(), fresh(), fresh())
    guard = guarded(camera, Patience(stalled_s=0, black_s=1000))
    assert [frame.stretch for frame in read_all(guard)] == [0, 1, 1]
    assert states(guard) == [("stalled", "black"), ("live", "black")]
    assert camera.opened == 1


def test_after_several_tries_it_is_failed_and_still_tried() -> None:
    refused = CameraError("busy")
    camera = TellTale(fresh(), GONE, fresh(), fresh(), opens=(None, *[refused] * 5))
    guard = guarded(camera)
    assert len(read_all(guard)) == 2
    assert states(guard) == [
        ("stalled", "disconnected"),
        ("recovering", "disconnected"),
        ("failed", "cannot_open"),
        ("live", "cannot_open"),
    ]
    assert guard.health.tries == 6
    assert camera.closed == 6  # after the fault, and after each refusal


def test_frames_that_stay_bad_after_a_restart_are_no_recovery() -> None:
    camera = TellTale(fresh(), *[BLACK] * 12)
    guard = guarded(camera)
    assert len(read_all(guard)) == 1
    assert [state for state, _ in states(guard)] == ["stalled", "recovering", "failed"]
    assert guard.health.state is CameraState.FAILED


def test_the_same_picture_again_after_a_restart_is_no_recovery() -> None:
    frozen = fresh()
    guard = guarded(TellTale(frozen, GONE, frozen, frozen, frozen))
    assert len(read_all(guard)) == 1
    assert "live" not in [state for state, _ in states(guard)]


def test_another_size_is_never_handed_out() -> None:
    small = np.ascontiguousarray(fresh()[::2, ::2])
    guard = guarded(TellTale(fresh(), small, small, fresh(), fresh(), fresh()))
    assert {frame.image.shape for frame in read_all(guard)} == {FIELD.shape}
    assert states(guard)[0] == ("stalled", "wrong_size")


def test_what_prepares_the_camera_may_find_another_size() -> None:
    other = CalibrationError("The profile was made with frames of another size.")
    guard = guarded(TellTale(fresh(), GONE, fresh(), fresh(), opens=(None, other, other, other)))
    assert len(read_all(guard)) == 2
    assert ("failed", "wrong_size") in states(guard)


def test_waits_grow_to_a_limit_and_are_forgotten_when_it_is_steady() -> None:
    patience = Patience()
    assert [patience.wait_s(tries) for tries in (0, 1, 2, 3, 8, 10**6)] == [0, 0.5, 1, 2, 60, 60]
    steady = guarded(TellTale(fresh(), GONE, *[fresh() for _ in range(4)]), Patience(first_wait_s=0, steady_s=0))
    read_all(steady)
    assert steady.health.tries == 0
    flapping = guarded(TellTale(fresh(), *[x for _ in range(3) for x in (GONE, fresh(), fresh())]), AT_ONCE)
    read_all(flapping)
    assert flapping.health.tries == 3


def test_a_wait_gives_way_to_its_reader_and_to_an_interruption() -> None:
    camera = TellTale(fresh(), GONE, fresh(), opens=(None, *[CameraError("busy")] * 3))
    guard = guarded(camera, Patience(first_wait_s=3600, longest_wait_s=3600))
    guard.read(0)
    with pytest.raises(NoFrameYet):
        guard.read(0.01)
    with pytest.raises(NoFrameYet):
        guard.read(0.01)
    assert camera.opened == 2  # the first try at once, the second after an hour
    guard.interrupt()
    with pytest.raises(EndOfFrames):
        guard.read(3600)


def test_what_has_an_end_is_passed_through() -> None:
    picture = fresh()
    guard = guarded(TellTale(picture, picture, BLACK, live=False))
    assert len(read_all(guard)) == 3
    guard = guarded(TellTale(picture, GONE, picture, live=False))
    guard.read(1)
    with pytest.raises(CameraFault, match="gone"):
        guard.read(1)
    assert states(guard) == []


def test_a_person_knows_better_what_the_camera_shows() -> None:
    picture = fresh()
    guard = GuardedCamera(TellTale(picture, picture, picture), patience=AT_ONCE, noise=Noise.NONE)
    guard.open()
    assert len(read_all(guard)) == 3


def test_the_first_open_is_final() -> None:
    guard = GuardedCamera(TellTale(opens=(CameraError("no camera here"),)))
    with pytest.raises(CameraError, match="no camera here"):
        guard.open()
    assert states(guard) == []


@pytest.mark.parametrize(
    ("spec", "in_a_process", "live"),
    [
        ("0", True, True),
        ("/dev/video3", True, True),
        ("picamera:1", True, True),
        ("gst:videotestsrc", True, True),
        ("rtsp://host/stream", True, True),
        ("walk.avi", True, False),
        ("demo", False, False),
        (".", False, False),
        ("field.png", False, False),
    ],
)
def test_what_might_hang_gets_a_process(spec: str, in_a_process: bool, live: bool, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("walk.avi", "field.png"):
        (tmp_path / name).touch()
    seen: list[object] = []

    def prepare(camera):
        seen.append(camera)
        return camera

    guard = make_guarded_camera(spec, CameraSettings(), prepare)
    assert isinstance(seen[0], ReaderProcess) is in_a_process
    assert guard.live is live


def test_a_camera_that_is_none_is_refused_before_anything_starts() -> None:
    with pytest.raises(CameraError, match="neither a camera nor a file"):
        make_guarded_camera("nonsense", SimpleNamespace(read_timeout_s=1.0))
