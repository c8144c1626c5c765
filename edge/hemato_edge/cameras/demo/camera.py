"""The demo camera: a simulated microscope over a drawn slide with known truth."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timezone
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from hemato_edge.cameras.camera import EndOfFrames, Noise
from hemato_edge.cameras.demo import stage
from hemato_edge.cameras.demo.slide import SLIDE_SIZE_PX, DrawnSlide, SlideObject
from hemato_edge.errors import CameraError, ConfigurationError
from hemato_edge.values import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.cameras.demo.stage import Walk
    from hemato_edge.values import Image


class Slide(Protocol):
    """The slide under the demo's microscope, and its truth."""

    size_px: tuple[int, int]
    truth: tuple[SlideObject, ...]

    def view(self, x_px: float, y_px: float, size_px: tuple[int, int] = (640, 480)) -> Image:
        """The slide in a window at x, y, (height, width, 3) uint8 BGR."""
        ...


STILL_FRAMES = 300
"""Default number of frames with a still stage."""
_NOISE = 1.8
_VIGNETTE = 0.16
_QUANTILES = np.rint([_NOISE * NormalDist().inv_cdf((k + 0.5) / 256) for k in range(256)]).astype(np.int8)


class DemoCamera:
    """A stage that moves over a drawn smear, with a cheap camera on top. Implements the `Camera` protocol.

    The stage follows a raster with pauses, drift and vibration; focus drifts and is lost for some frames; illumination
    is uneven and changes slowly; the sensor is noisy. Everything is determined by the seed; only the time stamps depend
    on the clock. Exposure is assumed to be short: there is no motion blur.

    Args:
        seed: selects the slide and the walk over it.
        still: the stage does not move (vibration and focus drift remain).
        clean: no noise, blur, drift, vibration or uneven light: only the walk.
        frame_size: width and height of the frames, pixels.
        max_step_px: longest step of the stage between two frames, pixels.
        start: slide position of the first frame's upper left corner, pixels; a still stage stays there.
        frames: end after this many frames.
        slide: a slide other than the drawn one of this seed.
        walk: a walk other than the raster; `still`, `max_step_px` and `start` are then ignored.

    Raises:
        ConfigurationError: the frame does not fit on the slide, or a number is out of range.
    """

    live = False
    noise = Noise.NONE

    def __init__(
        self,
        seed: int = 1,
        *,
        still: bool = False,
        clean: bool = False,
        frame_size: tuple[int, int] = (640, 480),
        max_step_px: float = 39.0,
        start: tuple[float, float] | None = None,
        frames: int | None = None,
        slide: Slide | None = None,
        walk: Walk | None = None,
    ) -> None:
        self.name = f"demo slide {seed}"
        self.skipped: Counter[str] = Counter()
        _check(seed, frame_size, max_step_px, start, frames)
        self.slide: Slide = slide or DrawnSlide(seed)
        self._seed = seed
        self._size = frame_size
        self._clean = clean
        chance = [np.random.default_rng([seed, 20, effect]) for effect in range(5)]
        if walk is not None:
            path = walk.poses
        elif still:
            here = start or tuple(np.subtract(self.slide.size_px, frame_size) / 2)
            path = np.tile(np.asarray(here, np.float64), (frames or STILL_FRAMES, 1))
        else:
            path = stage.raster(chance[0], self.slide.size_px, frame_size, max_step_px, start)
        n = len(path)
        if not clean:
            path = path + stage.vibration(chance[1], n) + (0 if still else stage.drift(chance[2], n))
        self._blur, self._light = stage.defocus(chance[3], n), stage.brightness(chance[4], n)
        self._missing: frozenset[int] = frozenset()
        if walk is not None:
            self._blur = np.hypot(self._blur, 0.0 if walk.blur is None else walk.blur)
            self._light = self._light * (1.0 if walk.light is None else walk.light)
            self._missing = walk.missing
        turned = None if walk is None else walk.angles
        self._angles = np.zeros(n) if turned is None else turned
        self._reach = _reach(self._angles, frame_size)
        far = np.subtract(self.slide.size_px, frame_size) - self._reach
        self._poses = np.clip(path, self._reach, far)[:frames]
        self.total_frames: int | None = len(self._poses)
        self._next = 0
        self._open = False

    def open(self) -> None:
        """Move the stage to the first frame. A second `open` restarts the same walk."""
        self._next = 0
        self._open = True

    def read(self, timeout_s: float = 1.0) -> Frame:
        """The next frame, without waiting.

        Raises:
            EndOfFrames: the walk is over.
            CameraError: the camera is not open.
        """
        if not self._open:
            msg = "The demo camera is not open."
            raise CameraError(msg, "Call open() first.")
        while self._next in self._missing:
            self._next += 1
        if self._next >= len(self._poses):
            raise EndOfFrames
        index = self._next
        self._next += 1
        image = self._image(index)
        return Frame(image, index, time.monotonic(), datetime.now(timezone.utc), self.name)

    def close(self) -> None:
        """Stop. Safe to call twice."""
        self._open = False

    def true_pose(self, index: int) -> tuple[float, float]:
        """Slide position of a frame's upper left corner, x y in pixels, including drift and vibration.

        For a rotated frame, the corner's position after rotating the frame back about its middle.
        """
        x, y = self._poses[index]
        return float(x), float(y)

    def true_angle(self, index: int) -> float:
        """Rotation of a frame on the slide about its middle, degrees from x towards y."""
        return float(self._angles[index])

    def blur_px(self, index: int) -> float:
        """Blur of a frame: standard deviation in pixels, 0 for a clean camera."""
        return 0.0 if self._clean else float(self._blur[index])

    def truth_seen(self, upto_index: int) -> list[SlideObject]:
        """The objects shown whole by at least one of the frames 0 to `upto_index`, inclusive."""
        poses = self._poses[: upto_index + 1]
        angles = self._angles[: len(poses)]
        return [one for one in self.slide.truth if shown_whole(one, poses, angles, self._size).any()]

    @cached_property
    def _gain(self) -> NDArray[np.float32]:
        return _vignette(self._size)

    def _image(self, index: int) -> Image:
        x, y = self.true_pose(index)
        angle = self.true_angle(index)
        image = self._turned(x, y, angle) if angle else self.slide.view(x, y, self._size)
        if self._clean:
            return image
        blurred = cv2.GaussianBlur(image, (0, 0), float(self._blur[index]))
        lit = cv2.multiply(blurred, self._gain, scale=float(self._light[index]), dtype=cv2.CV_8U)
        return np.asarray(cv2.add(lit, _grain(self._seed, index, self._size), dtype=cv2.CV_8U), np.uint8)

    def _turned(self, x: float, y: float, angle: float) -> Image:
        """A rotated frame, cut in one step from the slide around it."""
        width, height = self._size
        left, top = int(x) - self._reach, int(y) - self._reach
        around = self.slide.view(left, top, (width + 2 * self._reach, height + 2 * self._reach))
        middle = ((width - 1) / 2, (height - 1) / 2)
        turn = np.asarray(cv2.getRotationMatrix2D(middle, -angle, 1.0), np.float64)
        turn[:, 2] += np.array((x - left, y - top))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(around, turn, self._size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )


def shown_whole(
    one: SlideObject,
    poses: NDArray[np.float64],
    angles: NDArray[np.float64],
    frame_size: tuple[int, int],
    margin_px: float = 0.0,
) -> NDArray[np.bool_]:
    """(N,) bool: frames that show an object whole, at least `margin_px` from the border.

    Args:
        one: the object; its box does not rotate with the frame, since cells are nearly round.
        poses: (N, 2) see `Poses`.
        angles: (N,) degrees.
        frame_size: width and height, pixels.
        margin_px: minimum distance from the border, pixels.
    """
    x0, y0, x1, y1 = one.box
    half = np.array([x1 - x0, y1 - y0]) / 2 + margin_px
    apart = np.array([x0 + x1, y0 + y1]) / 2 - poses - np.asarray(frame_size) / 2
    cosine, sine = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    across, down = cosine * apart[:, 0] + sine * apart[:, 1], cosine * apart[:, 1] - sine * apart[:, 0]
    room = np.asarray(frame_size) / 2 - half
    inside: NDArray[np.bool_] = (np.abs(across) <= room[0]) & (np.abs(down) <= room[1])
    return inside


def _reach(angles: NDArray[np.float64], size: tuple[int, int]) -> int:
    """By how many pixels rotated frames extend beyond unrotated ones, at most."""
    most = float(np.abs(angles).max(initial=0.0))
    return int(np.ceil(np.sin(np.radians(most)) * max(size) / 2)) + 2 if most else 0


def _check(
    seed: int, size: tuple[int, int], max_step_px: float, start: tuple[float, float] | None, frames: int | None
) -> None:
    room = np.subtract(SLIDE_SIZE_PX, size)
    if (room < 2 * stage.SWAY_PX).any() or min(size) < 1:
        msg = f"A frame of {size} does not fit on a slide of {SLIDE_SIZE_PX} pixels."
        raise ConfigurationError(msg, "Choose a smaller frame_size.")
    if start is not None and ((np.asarray(start) < 0).any() or (np.asarray(start) > room).any()):
        msg = f"The start {start} is not on the slide."
        raise ConfigurationError(msg, f"Choose one from 0, 0 to {room.tolist()}.")
    if seed < 0 or max_step_px <= 0 or (frames is not None and frames < 1):
        msg = f"There is no walk with seed {seed}, steps of {max_step_px} pixels and {frames} frames."
        raise ConfigurationError(msg, "The seed starts at 0; the step and the frames must be greater than 0.")


def _vignette(size: tuple[int, int]) -> NDArray[np.float32]:
    """Gain of the uneven light, (H, W, 3) float32: brightest slightly off the middle."""
    width, height = size
    x = (np.arange(width) / width - 0.54) * 2
    y = (np.arange(height) / height - 0.47) * 2
    gain = 1 - _VIGNETTE / 2 * (x[None, :] ** 2 + y[:, None] ** 2)
    return np.repeat(gain[..., None], 3, axis=2).astype(np.float32)


def _grain(seed: int, index: int, size: tuple[int, int]) -> NDArray[np.int8]:
    """Sensor noise of one frame, (H, W, 3) int8. Never shared between frames: registration would lock on to it."""
    width, height = size
    chance = np.random.default_rng([seed, 30, index]).bytes(width * height * 3)
    return np.asarray(_QUANTILES[np.frombuffer(chance, np.uint8)].reshape(height, width, 3), np.int8)
