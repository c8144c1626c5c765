"""How the demo's stage moves: a raster with pauses, drift and vibration, all known in advance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Poses = NDArray[np.float64]
    """(N, 2) float64: slide position of each frame's upper left corner, x y in pixels."""

ROW_OVERLAP = 0.35
"""How much of a row is seen again in the next one: more than the largest cell, so that each is seen whole."""
SWAY_PX = 14.0
"""The furthest that drift and vibration take the stage from its path, pixels."""
_EASE_FRAMES = 6
_DRIFT_PX = 4.0
_VIBRATION_PX = 0.35


def raster(
    rng: np.random.Generator,
    slide_px: tuple[int, int],
    frame_px: tuple[int, int],
    max_step_px: float,
    start: tuple[float, float] | None = None,
) -> Poses:
    """A boustrophedon over the slide: along one row, on to the next, back again, with a rest now and then."""
    left, top = SWAY_PX, SWAY_PX
    right, bottom = slide_px[0] - frame_px[0] - SWAY_PX, slide_px[1] - frame_px[1] - SWAY_PX
    rows = max(1, int(np.ceil((bottom - top) / (frame_px[1] * (1 - ROW_OVERLAP)))) + 1) if bottom > top else 1
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


def drift(rng: np.random.Generator, frames: int) -> Poses:
    """A slow creep of the stage, (frames, 2) pixels, starting at nothing."""
    return np.stack([_wave(rng, frames, (300, 900)) for _ in range(2)], axis=1) * _DRIFT_PX


def vibration(rng: np.random.Generator, frames: int) -> Poses:
    """The shake of the bench, (frames, 2) pixels, about half a pixel long."""
    return np.clip(rng.normal(0, _VIBRATION_PX, (frames, 2)), -3 * _VIBRATION_PX, 3 * _VIBRATION_PX)


def brightness(rng: np.random.Generator, frames: int) -> NDArray[np.float64]:
    """The lamp's slow change, (frames,), a little under 1 so that empty glass does not saturate."""
    return 0.96 + 0.015 * _wave(rng, frames, (200, 700))


def defocus(rng: np.random.Generator, frames: int) -> NDArray[np.float64]:
    """Blur of every frame, (frames,) standard deviation in pixels: focus breathing, and moments clearly out of focus.

    About 4 % of the frames are blurred by more than 2.5 pixels.
    """
    sigma = 0.35 + 0.35 * np.abs(_wave(rng, frames, (60, 260)))
    index = np.arange(frames)
    for start in range(40, frames, 230):
        centre, width = start + rng.uniform(0, 120), rng.uniform(2.8, 4.6)
        sigma += rng.uniform(3.5, 5.5) * np.exp(-0.5 * ((index - centre) / width) ** 2)
    return np.asarray(sigma, np.float64)


def _glide(start: NDArray[np.float64], goal: NDArray[np.float64], max_step_px: float) -> Poses:
    """Steps from `start` (not included) to `goal` that begin and end gently; none longer than `max_step_px`."""
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
