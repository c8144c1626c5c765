"""A drawn stage micrometer of which the period is known: lines, longer every fifth and tenth, and what spoils it."""

from __future__ import annotations

import cv2
import numpy as np


def draw_micrometer(
    period_px: float,
    *,
    size: tuple[int, int] = (640, 480),
    angle_deg: float = 0.0,
    seed: int = 0,
    line_share: float = 0.18,
    length_share: float = 0.5,
    blur_px: float = 1.0,
    noise: float = 2.0,
    vignette: float = 0.0,
    specks: int = 0,
    divisions: int | None = None,
    contrast: float = 0.75,
    jitter_px: float = 0.0,
    bright_lines: bool = False,
) -> np.ndarray:
    """(H, W, 3) uint8. `divisions`: how many there are (None: the picture is full of them). The phase is random.

    Drawn analytically, each pixel as the mean of 3 × 3 points, so that the period is exact.
    """
    rng = np.random.default_rng([seed, 7])
    width, height = size
    angle = np.radians(angle_deg)
    fine = (np.arange(width * 3) + 0.5) / 3 - 0.5, (np.arange(height * 3) + 0.5) / 3 - 0.5
    x, y = fine[0][None] - width / 2, fine[1][:, None] - height / 2
    across = x * np.cos(angle) + y * np.sin(angle) + rng.uniform(0, period_px)
    along = y * np.cos(angle) - x * np.sin(angle) + rng.uniform(-0.05, 0.05) * height
    index = np.rint(across / period_px).astype(int)
    wobble = jitter_px * rng.standard_normal(4001)[np.clip(index + 2000, 0, 4000)]
    off = np.abs(across - index * period_px - wobble)
    number = index + rng.integers(0, 10)
    length = height * length_share * np.where(number % 10 == 0, 1.5, np.where(number % 5 == 0, 1.25, 1.0))
    line = (
        (off < line_share * period_px / 2)
        & (along > -height * length_share / 2)
        & (along < length - height * length_share / 2)
    )
    if divisions is not None:
        line &= np.abs(index) <= divisions / 2
    ink = cv2.resize(line.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    for _ in range(specks):
        spot = np.zeros((height, width), np.float32)
        centre = int(rng.integers(0, width)), int(rng.integers(0, height))
        cv2.circle(spot, centre, int(rng.integers(3, 16)), float(rng.uniform(0.4, 1)), -1)
        ink = np.maximum(ink, spot)
    light = 215 * (1 - contrast * ink) if not bright_lines else 215 * (1 - contrast * (1 - ink))
    light = cv2.GaussianBlur(light.astype(np.float32), (0, 0), blur_px) if blur_px else light
    gx, gy = np.linspace(-1, 1, width) - 0.2, np.linspace(-1, 1, height) + 0.1
    light = light * (1 - vignette * (gx[None] ** 2 + gy[:, None] ** 2) / 2)
    grey = np.clip(light + noise * rng.standard_normal(light.shape), 0, 255)
    return np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=2)
