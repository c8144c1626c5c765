"""A camera with scripted faults, for the tests of the camera guard and for the soak test.

It shows the demo slide and follows a script of steps. Its position in the script is kept in a file, so that it
continues there after its process was killed: to the program it is one camera, whatever happens to the reader process.

A script is {"seed": 1, "fps": 30, "device": "video0", "steps": [step, …], "repeat": true}; only the steps are required.
With a device, a file of that name is created in the script's folder, and a link to it in `v4l/by-id`, like udev's. A
step is {"do": NAME, …}:

    good        frames of the slide under the stage: "frames"; "place": [x, y] for a still stage, else it walks
    freeze      the last frame, repeated
    tremble     the last frame, one pixel in 300 off by one: a frozen source behind an analogue grabber
    loop        the last four frames in turn: a driver that cycles through its old buffers
    black       all pixels 0
    small       frames of half the width and height
    slow        good frames, "pause_s" apart: "frames"
    raise       the binding raises RuntimeError
    hang        read() never returns
    die         the process is killed from within the driver
    leave       read() fails, and open() too, "absent" times; with "hangs" open() never returns then. With a device, the
                file and its link vanish until `plug_in` is called.

A fault lasts until the camera has been reopened "reopens" times (default 1), or for "frames" frames if given.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import struct
import time
from collections import Counter, deque
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.cameras.camera import EndOfFrames, Noise
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.errors import CameraError
from hemato_edge.values import Frame

if TYPE_CHECKING:
    from hemato_edge.values import Image

MAKER = "faulty_camera:make"
_SCRIPT, _PLACE, _LENGTHS = "script.json", "place.bin", "lengths.json"
_LOOP = 4
LINKS = Path("v4l")
LINK = LINKS / "by-id" / "usb-Lying_Camera_1-video-index0"
"""In the script's folder."""


def write_script(folder: Path, script: dict[str, Any]) -> str:
    """Write a script and a new position into `folder`, plug the device in, and return the camera's spec."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _SCRIPT).write_text(json.dumps(script))
    (folder / _PLACE).write_bytes(bytes(struct.calcsize(Place.LAYOUT)))
    return plug_in(folder, script["device"]) if "device" in script else str(folder)


def plug_in(folder: Path, device: str) -> str:
    """Create the file `device` and udev's link to it. Returns its path."""
    (folder / device).touch()
    link = folder / LINK
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(folder / device)
    return str(folder / device)


def read_place(folder: Path) -> dict[str, int]:
    """Position of the camera: step, frames delivered in it, opens in it, good frames and opens in total, laps."""
    return dict(zip(Place.FIELDS, struct.unpack(Place.LAYOUT, (folder / _PLACE).read_bytes()), strict=True))


class Place:
    """The position in the script, in a memory-mapped file that survives a kill of the process."""

    LAYOUT = "6q"
    FIELDS = ("step", "frames", "reopens", "shown", "opens", "laps")

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), struct.calcsize(self.LAYOUT))

    def get(self, name: str) -> int:
        """A field's value."""
        return int(struct.unpack_from("q", self._memory, 8 * self.FIELDS.index(name))[0])

    def set(self, name: str, value: int) -> None:
        """Write a field."""
        struct.pack_into("q", self._memory, 8 * self.FIELDS.index(name), value)

    def add(self, name: str) -> None:
        """Add one to a field."""
        self.set(name, self.get(name) + 1)


class FaultyCamera:
    """See the module. Implements the `Camera` protocol."""

    live = True
    noise = Noise.SENSOR

    def __init__(self, folder: Path) -> None:
        self.skipped: Counter[str] = Counter()
        self.total_frames: int | None = None
        self._folder = folder
        self._script = json.loads((folder / _SCRIPT).read_text())
        self._steps = self._script["steps"]
        self._place = Place(folder / _PLACE)
        self._stages: dict[str, DemoCamera] = {}
        # cached in a file: measuring the walks of forty slides takes longer than a camera may take to open
        self._lengths_file = folder / _LENGTHS
        self._lengths: dict[str, int] = (
            json.loads(self._lengths_file.read_text()) if self._lengths_file.exists() else {}
        )
        self._last: deque[Image] = deque(maxlen=_LOOP)
        self._index = 0
        self._due_s = 0.0
        self._file: Any = None
        self.name = "lying camera"

    def open(self) -> None:
        """Open according to the current step."""
        self._place.add("opens")
        self._place.add("reopens")
        step, reopens = self._step(), self._place.get("reopens")
        if step["do"] == "leave":
            if reopens <= step.get("absent", 0):
                if step.get("hangs"):
                    _hang()
                raise CameraError("There is no faulty camera.", "Plug it in.")
            self._next()
        elif step["do"] not in ("good", "slow") and "frames" not in step and reopens >= step.get("reopens", 1):
            self._next()
        if "device" in self._script:
            self.name = str((self._folder / LINK).resolve(strict=True))
            self._file = Path(self.name).open("rb")  # noqa: SIM115 - a real descriptor, as a device has

    def read(self, timeout_s: float) -> Frame:
        """One frame according to the current step."""
        self._pace()
        step = self._step()
        image = getattr(self, f"_{step['do']}")(step)
        self._place.add("frames")
        if self._place.get("frames") >= step.get("frames", np.inf):
            self._next()
        self._index += 1
        return Frame(image, self._index - 1, time.monotonic(), datetime.now(timezone.utc), self.name)

    def close(self) -> None:
        """Close the device."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _step(self) -> dict[str, Any]:
        number = self._place.get("step")
        if number >= len(self._steps):
            raise EndOfFrames
        return self._steps[number]

    def _next(self) -> None:
        self._place.set("frames", 0)
        self._place.set("reopens", 0)
        self._place.add("step")
        if self._script.get("repeat") and self._place.get("step") >= len(self._steps):
            self._place.set("step", 0)
            self._place.add("laps")

    def _pace(self) -> None:
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        self._due_s = time.monotonic() + 1 / self._script.get("fps", 1e9)

    def _good(self, step: dict[str, Any]) -> Image:
        """The demo's frame of that number: the walk continues from slide to slide, or stays at a place."""
        number = self._place.get("shown")
        self._place.add("shown")
        place = step.get("place")
        seed = self._script.get("seed", 1)
        if place is None:
            while number >= self._walk_frames(seed):
                number -= self._walk_frames(seed)
                seed += 1
            image = self._walk(seed)._image(number)
        else:
            stage = self._stages.setdefault(
                str(place), DemoCamera(seed, still=True, start=tuple(place), frames=_FRAMES_OF_A_STILL_STAGE)
            )
            image = stage._image(number % _FRAMES_OF_A_STILL_STAGE)
        self._last.append(image)
        return image

    def _walk(self, seed: int) -> DemoCamera:
        """The walk over a slide; only one slide is cached."""
        if str(seed) not in self._stages:
            self._stages = {str(seed): DemoCamera(seed)}
        return self._stages[str(seed)]

    def _walk_frames(self, seed: int) -> int:
        if str(seed) not in self._lengths:
            self._lengths[str(seed)] = self._walk(seed).total_frames or 0
            fresh = self._lengths_file.with_suffix(".new")
            fresh.write_text(json.dumps(self._lengths))
            fresh.replace(self._lengths_file)
        return self._lengths[str(seed)]

    def _shown_last(self) -> Image:
        """The last good frame, even in a process that has not shown one."""
        if not self._last:
            shown = self._place.get("shown")
            self._place.set("shown", max(0, shown - 1))
            back = next(s for s in reversed(self._steps[: self._place.get("step") + 1]) if s["do"] == "good")
            self._good(back)
            self._place.set("shown", shown)
        return self._last[-1]

    def _freeze(self, step: dict[str, Any]) -> Image:
        return self._shown_last().copy()

    def _tremble(self, step: dict[str, Any]) -> Image:
        image = self._shown_last().copy()
        chance = np.random.default_rng(self._index)
        image[chance.random(image.shape[:2]) < 1 / 300] ^= 1
        return image

    def _loop(self, step: dict[str, Any]) -> Image:
        self._shown_last()
        return self._last[self._index % len(self._last)].copy()

    def _black(self, step: dict[str, Any]) -> Image:
        return np.zeros_like(self._shown_last())

    def _small(self, step: dict[str, Any]) -> Image:
        return np.ascontiguousarray(self._good(step)[::2, ::2])

    def _slow(self, step: dict[str, Any]) -> Image:
        time.sleep(step["pause_s"])
        return self._good(step)

    def _raise(self, step: dict[str, Any]) -> Image:
        raise RuntimeError("the driver's binding is out of order")

    def _hang(self, step: dict[str, Any]) -> Image:
        return _hang()

    def _die(self, step: dict[str, Any]) -> Image:
        os.kill(os.getpid(), signal.SIGSEGV)
        return _hang()

    def _leave(self, step: dict[str, Any]) -> Image:
        if "device" in self._script:
            (self._folder / LINK).resolve().unlink(missing_ok=True)
            (self._folder / LINK).unlink(missing_ok=True)
        raise CameraError(f"{self.name} stopped giving frames.", "Check the cable.")


_FRAMES_OF_A_STILL_STAGE = 400


def _hang() -> Image:
    while True:
        time.sleep(3600)


def make(spec: str, options: object) -> FaultyCamera:
    """For `CameraRecipe.maker`: the camera with the script in the folder `spec`, or beside the device `spec`."""
    path = Path(spec)
    return FaultyCamera(next(folder for folder in (path, *path.parents) if (folder / _SCRIPT).exists()))
