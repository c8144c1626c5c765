"""The picamera2 camera against a stand-in module with picamera2's own surface.

The real library needs libcamera's Python binding, which exists only as a system package; what is tested here is our
half: how we configure it, read back what we got, bound the wait, and explain its absence.
"""

from __future__ import annotations

import sys
import threading
from types import ModuleType

import cv2
import numpy as np
import pytest

from hemato_edge.cameras.calibrated import PreparedCamera
from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.cameras.drivers.picamera import PiCamera, libcamera_sees_a_camera
from hemato_edge.errors import CalibrationError, CameraError

FIELD = draw_field(1)[0]


class Request:
    def __init__(self, array: np.ndarray, metadata: dict[str, object]) -> None:
        self.array = array
        self.metadata = metadata
        self.released = False

    def make_array(self, name: str) -> np.ndarray:
        assert name == "main"
        return self.array

    def get_metadata(self) -> dict[str, object]:
        return dict(self.metadata)

    def release(self) -> None:
        self.released = True


class Picamera2:
    """What of picamera2 0.3.12 to 0.3.38 we call, with its threads: requests come from another thread."""

    array: np.ndarray = FIELD
    format = "RGB888"
    hangs = False
    takes_exposure = True
    never_settles = False
    tells_nothing = False
    refuses = False
    made: list[Picamera2] = []

    def __init__(self, number: int) -> None:
        if number > 0:
            message = "list index out of range"
            raise IndexError(message)
        self.requests: list[Request] = []
        self.running = self.closed = False
        self.frames = 0
        self.set_at: int | None = None
        self.controls: dict[str, object] = {}
        Picamera2.made.append(self)

    @staticmethod
    def global_camera_info() -> list[dict[str, object]]:
        return [{"Model": "imx219", "Id": "/base/soc/i2c0mux/i2c@1/imx219@10", "Num": 0}]

    def create_video_configuration(self, main: dict[str, object]) -> dict[str, object]:
        return {"main": main}

    def configure(self, configuration: dict[str, object]) -> None:
        assert configuration["main"]["format"] == "RGB888"

    def camera_configuration(self) -> dict[str, object]:
        return {"main": {"format": self.format, "size": (FIELD.shape[1], FIELD.shape[0])}}

    def start(self) -> None:
        self.running = True

    def capture_request(self, signal_function) -> object:
        job = object()
        if not self.hangs:
            threading.Timer(0.01, signal_function, [job]).start()
        return job

    def wait(self, job: object) -> Request:
        self.requests.append(Request(self.array, self.exposed()))
        return self.requests[-1]

    def exposed(self) -> dict[str, object]:
        """Metadata of the next frame: the automatics run in over 10 frames, controls hold from the third on."""
        self.frames += 1
        if self.set_at is not None and self.frames - self.set_at > 2:
            exposure = self.controls["ExposureTime"] if self.takes_exposure else 33_000
            return {
                "ExposureTime": exposure - 7,  # whole sensor lines
                "AnalogueGain": self.controls["AnalogueGain"],
                "ColourGains": self.controls["ColourGains"],
            }
        off = max(0, 10 - self.frames) * 500 + (self.frames * 3000 if self.never_settles else 0)
        if self.tells_nothing:
            return {"SensorTimestamp": 1}
        return {"ExposureTime": 9000 + off, "AnalogueGain": 1.5, "ColourGains": (1.8, 2.1)}

    def set_controls(self, controls: dict[str, object]) -> None:
        assert isinstance(controls["ColourGains"], tuple)  # libcamera takes no list
        if self.refuses:
            message = "Control AeEnable is not advertised by libcamera"
            raise RuntimeError(message)
        self.controls, self.set_at = controls, self.frames

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> type[Picamera2]:
    module = ModuleType("picamera2")
    module.Picamera2 = Picamera2
    monkeypatch.setitem(sys.modules, "picamera2", module)
    monkeypatch.setattr(Picamera2, "made", [])
    return Picamera2


def test_frames_come_as_bgr_and_every_request_is_released(picamera2) -> None:
    with OpenCamera(PiCamera(0)) as camera:
        frames = [camera.read(1) for _ in range(3)]
    assert [f.index for f in frames] == [0, 1, 2]
    assert np.array_equal(frames[0].image, FIELD)
    (made,) = picamera2.made
    assert all(r.released for r in made.requests)
    assert made.closed
    assert not made.running


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("BGR888", cv2.COLOR_BGR2RGB),
        ("XRGB8888", cv2.COLOR_BGR2BGRA),
        ("YUV420", cv2.COLOR_BGR2YUV_I420),
    ],
)
def test_a_format_that_was_not_asked_for_is_converted(picamera2, monkeypatch, name: str, code: int) -> None:
    monkeypatch.setattr(picamera2, "format", name)
    monkeypatch.setattr(picamera2, "array", cv2.cvtColor(FIELD, code))
    with OpenCamera(PiCamera(0)) as camera:
        image = camera.read(1).image
    assert image.shape == FIELD.shape
    assert np.abs(image.astype(int) - FIELD).mean() < 4


def test_an_unknown_format_is_refused(picamera2, monkeypatch) -> None:
    monkeypatch.setattr(picamera2, "format", "SRGGB10")
    with pytest.raises(CameraError, match="SRGGB10"), OpenCamera(PiCamera(0)):
        pass
    assert picamera2.made[0].closed


def test_a_hanging_camera_ends_in_an_error(picamera2, monkeypatch) -> None:
    monkeypatch.setattr(picamera2, "hangs", True)
    with pytest.raises(CameraError, match=r"no frame within 0\.2 s"), OpenCamera(PiCamera(0, open_timeout_s=0.2)):
        pass
    assert picamera2.made[0].closed


def test_a_camera_that_is_not_there(picamera2) -> None:
    with pytest.raises(CameraError, match="picamera:3 cannot be opened") as caught, OpenCamera(PiCamera(3)):
        pass
    assert "rpicam-hello" in caught.value.fix


def test_libcamera_is_asked_whether_it_sees_one(picamera2, monkeypatch) -> None:
    assert libcamera_sees_a_camera()
    usb = [{"Model": "webcam", "Id": "\\_SB_.PCI0.XHC1-usb-1.1:1.0", "Num": 0}]
    monkeypatch.setattr(picamera2, "global_camera_info", staticmethod(lambda: usb))
    assert not libcamera_sees_a_camera()


def test_without_picamera2_the_exact_commands_are_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(CameraError, match="picamera2 cannot be imported") as caught, OpenCamera(PiCamera(0)):
        pass
    assert "sudo apt install -y python3-picamera2" in caught.value.fix
    assert "--system-site-packages" in caught.value.fix
    assert not libcamera_sees_a_camera()


def test_a_numpy_that_does_not_fit_is_named(monkeypatch, tmp_path) -> None:
    (tmp_path / "picamera2.py").write_text(
        "raise ValueError('numpy.dtype size changed, may indicate binary incompatibility')"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    with pytest.raises(CameraError, match="does not work with numpy") as caught, OpenCamera(PiCamera(0)):
        pass
    assert "pip uninstall -y numpy" in caught.value.fix


LOCKED = {
    "AeEnable": False,
    "AwbEnable": False,
    "ExposureTime": 9000,
    "AnalogueGain": 1.5,
    "ColourGains": [1.8, 2.1],
}


def test_exposure_and_white_balance_are_locked_where_they_settled(picamera2) -> None:
    with OpenCamera(PiCamera(0)) as camera:
        locked = camera.lock_controls(5.0)
        assert locked.values == LOCKED
        assert locked.not_locked == ()
        assert picamera2.made[0].controls["AeEnable"] is False
        assert camera.read(1.0).index == 0


def test_what_does_not_settle_is_not_locked(picamera2, monkeypatch) -> None:
    monkeypatch.setattr(picamera2, "never_settles", True)
    with OpenCamera(PiCamera(0)) as camera, pytest.raises(CameraError, match="did not settle"):
        camera.lock_controls(0.4)


def test_a_camera_without_these_controls(picamera2, monkeypatch) -> None:
    monkeypatch.setattr(picamera2, "tells_nothing", True)
    with OpenCamera(PiCamera(0)) as camera, pytest.raises(CameraError, match="does not tell its exposure"):
        camera.lock_controls(1.0)
    monkeypatch.setattr(picamera2, "tells_nothing", False)
    monkeypatch.setattr(picamera2, "refuses", True)
    with OpenCamera(PiCamera(0)) as camera, pytest.raises(CameraError, match="does not take the locked"):
        camera.apply_controls(LOCKED, 1.0)


def test_a_profile_locks_a_session_before_its_first_frame(picamera2, monkeypatch) -> None:
    size = FIELD.shape[1], FIELD.shape[0]
    prepared = PreparedCamera(PiCamera(0), size, "picamera2", LOCKED)
    with OpenCamera(prepared) as camera:
        assert prepared.state == "applied"
        assert picamera2.made[-1].controls["ExposureTime"] == 9000
        assert camera.read(1.0).index == 0
    monkeypatch.setattr(picamera2, "takes_exposure", False)
    prepared = PreparedCamera(PiCamera(0), size, "picamera2", LOCKED, 1.0, 0.3)
    with OpenCamera(prepared):
        assert prepared.state == "applied in part"
        assert "ExposureTime is 32993 instead of 9000" in prepared.not_applied[0]


def test_other_cameras_and_other_sizes_than_the_profiles(picamera2) -> None:
    prepared = PreparedCamera(PiCamera(0), None, "v4l2", {"exposure": 100.0})
    with OpenCamera(prepared):
        assert prepared.state == "not applied"
    with (
        pytest.raises(CalibrationError, match="1280 × 960") as caught,
        OpenCamera(PreparedCamera(PiCamera(0), (1280, 960))),
    ):
        pass
    assert "camera.width = 1280" in caught.value.fix
    assert picamera2.made[-1].closed
