"""Frames of three scenes of a drawn slide: a still stage, a moving one, and one with only new cells.

They are drawn before anything is timed. The slide's red cells measure about 70 pixels.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from hemato_edge.cameras.camera import EndOfFrames, Noise
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.demo.slide import DrawnSlide

if TYPE_CHECKING:
    from collections import Counter

    from hemato_edge.values import Frame

SceneName = Literal["still", "moving", "worst"]
SCENES: tuple[SceneName, ...] = get_args(SceneName)
_SEED = 1
_SIZE = (640, 480)
_LEAST = 8


@dataclass(frozen=True, slots=True)
class Scene:
    """Frames in order; the first `lead` of them only prepare a session (scale, stain, a known field)."""

    name: SceneName
    frames: tuple[Frame, ...]
    lead: int


def draw_scenes(frames: int, seconds: float) -> dict[SceneName, Scene]:
    """The three scenes, up to `frames` frames each after the lead; fewer if drawing would take over `seconds`.

    * still: the stage rests (with vibration and focus drift); the lead makes its field known.
    * moving: the demo stage's raster, in steps of up to 39 pixels with pauses: the usual case.
    * worst: every frame lies elsewhere on the slide, so tracking is lost and all its cells are new.
    """
    slide = DrawnSlide(_SEED)
    began = time.perf_counter()
    _places(slide, 2)
    a_frame = (time.perf_counter() - began) / 2
    frames = max(_LEAST, min(frames, int(seconds / a_frame / len(SCENES))))
    still = DemoCamera(_SEED, still=True, slide=slide, frames=frames + 12)
    moving = DemoCamera(_SEED, slide=slide, frames=frames + 4)
    return {
        "still": Scene("still", _all_of(still), 12),
        "moving": Scene("moving", _all_of(moving), 4),
        "worst": Scene("worst", _places(slide, frames + 1), 1),
    }


def on_its_own(frame: Frame) -> Frame:
    """The same frame as a stand-alone field: its cells are counted at once."""
    return replace(frame, independent=True)


def _all_of(camera: DemoCamera) -> tuple[Frame, ...]:
    camera.open()
    return tuple(_until_the_end(camera))


def _until_the_end(camera: DemoCamera) -> list[Frame]:
    frames = []
    while True:
        try:
            frames.append(camera.read())
        except EndOfFrames:
            return frames


def _places(slide: DrawnSlide, count: int) -> tuple[Frame, ...]:
    """Fields that hardly overlap, in random order; sharp, so that none is rejected."""
    room = np.subtract(slide.size_px, _SIZE)
    columns, rows = (int(n) for n in room // _SIZE + 1)
    grid = list(itertools.product(np.linspace(0, room[0], columns), np.linspace(0, room[1], rows)))
    order = np.random.default_rng(_SEED).permutation(len(grid))
    frames = []
    for index in range(count):
        x, y = grid[order[index % len(grid)]]
        here = DemoCamera(_SEED, still=True, clean=True, slide=slide, start=(float(x), float(y)), frames=1)
        here.open()
        frames.append(replace(here.read(), index=index))
    return tuple(frames)


class PreparedCamera:
    """A camera with predrawn frames. Implements the `Camera` protocol.

    Attributes:
        read_at: `time.perf_counter()` of every read, seconds: how fast the program requests frames.
    """

    live = False
    noise = Noise.NONE

    def __init__(self, frames: tuple[Frame, ...], skipped: Counter[str]) -> None:
        self.name = "prepared frames"
        self.skipped = skipped
        self.total_frames: int | None = len(frames)
        self.read_at: list[float] = []
        self._frames = iter(frames)

    def open(self) -> None:
        """Nothing to do."""

    def read(self, timeout_s: float) -> Frame:
        """The next frame, at once; see `Camera.read`."""
        self.read_at.append(time.perf_counter())
        try:
            return next(self._frames)
        except StopIteration:
            raise EndOfFrames from None

    def close(self) -> None:
        """Nothing to do."""
