"""A kind of camera for the tests of the page, `staged:FILE`: the drawn slide, staged as one word in the file says.

`stage(folder)` makes it known to programs that are started afterwards, as an installed package would.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.cameras.camera import EndOfFrames, Noise
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.kind import CameraKind, CameraOptions
from hemato_edge.errors import CameraError

if TYPE_CHECKING:
    from hemato_edge.values import Frame, Image

FRAMES_A_SECOND = 10
GONE = "gone"
"""The camera cannot be read, nor opened."""
ELSEWHERE = "elsewhere"
"""Another slide, which no map knows."""
STILL = "still"
"""The stage stays where it is."""
_SIZE = (640, 480)
_TINTED_GLASS = np.array((40, 200, 235)) / 240
"""Share of each channel, BGR, that a glass of that colour lets through."""
_SMEAR = np.full((1, 15), 1 / 15)


class StagedCamera:
    """See the module. Implements the `Camera` protocol."""

    live = True
    noise = Noise.SENSOR
    total_frames: int | None = None
    name = "staged"

    def __init__(self, file: Path) -> None:
        self.skipped: Counter[str] = Counter()
        self._file = file
        self._walks = {seed: DemoCamera(seed, clean=True) for seed in (1, 2)}
        self._last: Frame | None = None
        self._index = 0
        self._due_s = 0.0

    def open(self) -> None:
        """Open it, unless it is gone."""
        self._here()
        for walk in self._walks.values():
            walk.open()

    def read(self, timeout_s: float) -> Frame:
        """The next frame, staged."""
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        self._due_s = time.monotonic() + 1 / FRAMES_A_SECOND
        how = self._here()
        if how != STILL or self._last is None:
            self._last = self._walked(2 if how == ELSEWHERE else 1)
        image = staged(self._last.image, how, self._index)
        self._index += 1
        now = {"monotonic_s": time.monotonic(), "utc": datetime.now(timezone.utc), "index": self._index - 1}
        return replace(self._last, image=image, source=self.name, **now)

    def close(self) -> None:
        """Close it."""
        for walk in self._walks.values():
            walk.close()

    def _here(self) -> str:
        how = self._file.read_text(encoding="utf-8")
        if how == GONE:
            raise CameraError("The staged camera is gone.", "Stage it again.")
        return how

    def _walked(self, seed: int) -> Frame:
        try:
            return self._walks[seed].read()
        except EndOfFrames:
            self._walks[seed].open()
            return self._walks[seed].read()


def staged(image: Image, how: str, index: int) -> Image:
    """A frame as it is to look, (480, 640, 3) uint8 BGR, by the name of what is wrong with it; else as it is.

    Args:
        image: (480, 640, 3) uint8 BGR.
        how: one of the quality gate's reasons, or anything else.
        index: of the frame, for its noise.
    """
    grain = np.random.default_rng(index).normal(0, 2, image.shape)
    if how == "out_of_focus":
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 6), np.uint8)
    elif how == "moving":
        discs = np.full(image.shape, 225, np.uint8)
        for x, y in np.ndindex(12, 9):
            cv2.circle(discs, (30 + 54 * x, 30 + 54 * y), 21, (150, 130, 180), -1, cv2.LINE_AA)
        image = np.asarray(cv2.filter2D(discs, -1, _SMEAR), np.uint8)
    elif how == "too_dark":
        image = np.asarray(image * 0.15, np.uint8)
    elif how == "saturated":
        return np.full_like(image, 255)
    elif how == "empty":
        return np.clip(220 + grain, 0, 255).astype(np.uint8)
    elif how == "too_dense":
        density = np.full(_SIZE[::-1], 0.3)
        for i in range(6):
            cv2.circle(density, (50 + 105 * i, 240), 30, 0.0, -1)
        return np.clip((225 * np.exp(-density))[..., None] + grain, 0, 255).astype(np.uint8)
    elif how == "stain_far":
        image = np.asarray(image * _TINTED_GLASS, np.uint8)
    elif how == "negative":
        image = 255 - image
    elif how == "channels_swapped":
        image = np.ascontiguousarray(image[:, :, ::-1])
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def make(spec: str, options: CameraOptions) -> StagedCamera:
    """The camera of `staged:FILE`."""
    return StagedCamera(Path(spec.removeprefix("staged:")))


KIND = CameraKind(name="staged", examples=("staged:FILE",), help="a drawn slide, staged", make=make)


def known(folder: Path) -> dict[str, str]:
    """Environment in which programs know this kind, as if its package had been installed into `folder`."""
    about = folder / "staged_camera-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: staged-camera\nVersion: 1.0\n", "utf-8")
    (about / "entry_points.txt").write_text("[hemato_edge.cameras]\nstaged = staged_camera:KIND\n", "utf-8")
    places = [str(folder), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, places))}
