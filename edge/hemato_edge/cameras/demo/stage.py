"""Motion of the demo's stage: raster or hand movement, with pauses, jumps, drift and vibration, all predetermined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Poses = NDArray[np.float64]
    """(N, 2) float64: slide position of each frame's upper left corner, x y in pixels."""

ROW_OVERLAP = 0.35
"""Overlap of neighbouring rows: more than the largest cell, so that each is seen whole."""
SWAY_PX = 14.0
"""Maximum deviation of the stage from its path by drift and vibration, pixels."""
MOST_TURN_DEG = 4.0
"""Maximum rotation of a slide that is moved by hand, degrees."""
_EASE_FRAMES = 6
_BLUR_PX = 5.0
_LIGHT_STEPS = (0.72, 1.0, 0.85, 0.62)
_DRIFT_PX = 4.0
_VIBRATION_PX = 0.35


@dataclass(frozen=True, slots=True)
class Walk:
    """Stage, focus and lamp, frame by frame.

    Attributes:
        poses: see `Poses`, without drift and vibration.
        blur: (N,) standard deviation in pixels, added to the focus drift; None for none.
        light: (N,) gain of the lamp, on top of its slow change; None for none.
        missing: frames that never arrive; their numbers are skipped.
        angles: (N,) rotation of each frame on the slide about its middle, degrees from x towards y, for a slide
            pushed by hand; `poses` are those of the frames rotated back. None for none.
    """

    poses: Poses
    blur: NDArray[np.float64] | None = None
    light: NDArray[np.float64] | None = None
    missing: frozenset[int] = frozenset()
    angles: NDArray[np.float64] | None = None


def raster(
    rng: np.random.Generator,
    slide_px: tuple[int, int],
    frame_px: tuple[int, int],
    max_step_px: float,
    start: tuple[float, float] | None = None,
    row_overlap: float = ROW_OVERLAP,
) -> Poses:
    """A boustrophedon over the slide: along one row, back along the next, with occasional pauses."""
    left, top = SWAY_PX, SWAY_PX
    right, bottom = slide_px[0] - frame_px[0] - SWAY_PX, slide_px[1] - frame_px[1] - SWAY_PX
    rows = max(1, int(np.ceil((bottom - top) / (frame_px[1] * (1 - row_overlap)))) + 1) if bottom > top else 1
    here = np.array(start or (left, top), np.float64)
    path = [here[None]]
    for number, y in enumerate(np.linspace(top, bottom, rows)):
        goals = [left, right] if number % 2 == 0 else [right, left]
        halt = goals[0] + (goals[1] - goals[0]) * rng.uniform(0.3, 0.7)
        for goal in ((goals[0], y), (halt, y), (goals[1], y)):
            path.append(_glide(here, np.array(goal), max_step_px))
            here = np.array(goal)
            path.append(np.tile(here, (int(rng.integers(2, 6)), 1)))
    return np.concatenate(path)


def wander(
    rng: np.random.Generator, slide_px: tuple[int, int], frame_px: tuple[int, int], max_step_px: float, frames: int
) -> Poses:
    """Hand movement: short pushes in any direction, pauses, and now and then a return to an earlier place."""
    low = np.full(2, SWAY_PX)
    high = np.maximum(np.subtract(slide_px, frame_px) - SWAY_PX, low + 1)
    here = rng.uniform(low, high)
    path, been = [here[None]], [here]
    while sum(map(len, path)) < frames:
        if len(been) > 3 and rng.random() < 0.25:
            goal = been[int(rng.integers(0, len(been)))] + rng.normal(0, 20, 2)
        else:
            goal = here + rng.normal(0, 1, 2) * np.asarray(frame_px)
        goal = np.clip(goal, low, high)
        pace = max_step_px * rng.uniform(0.3, 1.0)
        path.append(_glide(here, goal, pace))
        here = goal
        been.append(here)
        path.append(np.tile(here, (int(rng.integers(1, 12)), 1)))
    walked: Poses = np.concatenate(path)[:frames]
    return walked


def jumping(
    rng: np.random.Generator,
    slide_px: tuple[int, int],
    frame_px: tuple[int, int],
    max_step_px: float,
    stretches: int = 8,
    frames_each: int = 60,
) -> Poses:
    """Stretches of `wander` with jumps between them; every second jump returns to an earlier place."""
    path: list[Poses] = []
    for number in range(stretches):
        stretch = wander(rng, slide_px, frame_px, max_step_px, frames_each)
        if number % 2 and path:
            old = path[int(rng.integers(0, len(path)))]
            stretch = old[int(rng.integers(0, len(old))) :][:frames_each] + rng.normal(0, 8, 2)
        path.append(stretch)
    return np.clip(np.concatenate(path), 0, np.subtract(slide_px, frame_px))


def turning(rng: np.random.Generator, frames: int, most_deg: float = MOST_TURN_DEG) -> NDArray[np.float64]:
    """Slow rotation of a slide moved by hand, to both sides, (frames,) degrees, starting at 0."""
    wave = _wave(rng, frames, (300, 900))
    angles: NDArray[np.float64] = wave * (most_deg / max(float(np.abs(wave).max()), 1e-9))
    return angles


def blur_bursts(rng: np.random.Generator, frames: int, every: int = 60) -> NDArray[np.float64]:
    """Added blur, (frames,) standard deviation in pixels: bursts of 4 to 12 frames far out of focus."""
    sigma = np.zeros(frames)
    for start in range(every // 2, frames, every):
        sigma[start : start + int(rng.integers(4, 13))] = _BLUR_PX
    return sigma


def light_steps(rng: np.random.Generator, frames: int, every: int = 50) -> NDArray[np.float64]:
    """Gain of a lamp that is turned up and down, (frames,): a step every `every` frames."""
    first = int(rng.integers(0, len(_LIGHT_STEPS)))
    return np.asarray([_LIGHT_STEPS[(first + i // every) % len(_LIGHT_STEPS)] for i in range(frames)])


def drift(rng: np.random.Generator, frames: int) -> Poses:
    """Slow drift of the stage, (frames, 2) pixels, starting at 0."""
    return np.stack([_wave(rng, frames, (300, 900)) for _ in range(2)], axis=1) * _DRIFT_PX


def vibration(rng: np.random.Generator, frames: int) -> Poses:
    """Vibration of the bench, (frames, 2) pixels, about half a pixel in amplitude."""
    return np.clip(rng.normal(0, _VIBRATION_PX, (frames, 2)), -3 * _VIBRATION_PX, 3 * _VIBRATION_PX)


def brightness(rng: np.random.Generator, frames: int) -> NDArray[np.float64]:
    """Slow change of the lamp, (frames,), slightly below 1 so that empty glass does not saturate."""
    return 0.96 + 0.015 * _wave(rng, frames, (200, 700))


def defocus(rng: np.random.Generator, frames: int) -> NDArray[np.float64]:
    """Blur of every frame, (frames,) standard deviation in pixels: focus drift, and moments clearly out of focus.

    About 4 % of the frames are blurred by more than 2.5 pixels.
    """
    sigma = 0.35 + 0.35 * np.abs(_wave(rng, frames, (60, 260)))
    index = np.arange(frames)
    for start in range(40, frames, 230):
        centre, width = start + rng.uniform(0, 120), rng.uniform(2.8, 4.6)
        sigma += rng.uniform(3.5, 5.5) * np.exp(-0.5 * ((index - centre) / width) ** 2)
    return np.asarray(sigma, np.float64)


def _glide(start: NDArray[np.float64], goal: NDArray[np.float64], max_step_px: float) -> Poses:
    """Steps from `start` (excluded) to `goal` with smooth acceleration; none longer than `max_step_px`."""
    length = float(np.hypot(*(goal - start)))
    if length < 1e-6:
        return np.zeros((0, 2))
    ease = _EASE_FRAMES
    cruise = max(0, int(np.ceil(length / max_step_px - ease - 1)))
    ramp = (np.arange(ease) + 1.0) / (ease + 1)
    steps = np.concatenate([ramp, np.ones(cruise + 1), ramp[::-1]])
    along = np.cumsum(steps) / steps.sum()
    return np.asarray(start + along[:, None] * (goal - start))


def _wave(rng: np.random.Generator, frames: int, period: tuple[float, float]) -> NDArray[np.float64]:
    """A smooth irregular wave, (frames,), between about -2 and 2, 0 at the first frame."""
    index = np.arange(frames)
    wave = np.zeros(frames)
    for _ in range(3):
        phase, length = rng.uniform(0, 2 * np.pi), rng.uniform(*period)
        wave += 0.33 * (np.sin(2 * np.pi * index / length + phase) - np.sin(phase))
    return wave
