"""Projection of a picture of parallel lines: their direction, and the profile across them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image

_SAMPLES = 100_000
"""Pixels used to search for the direction; the profile itself uses all."""
_COARSE_BIN_DEG = 2.0
_SMOOTH_PX = 1.2
_CLIP = 6.0
_MIN_FILL = 0.15
"""Bins with less than this share of the fullest bin's pixels, in a rotated picture's corners, are ignored."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A picture projected onto the normal of its lines.

    Attributes:
        values: (N,) float64, one per pixel along the normal: log brightness minus illumination.
        direction_deg: of the normal, degrees: 0 for upright lines, positive from x towards y.
    """

    values: NDArray[np.float64]
    direction_deg: float


def flattened(image: Image) -> NDArray[np.float32]:
    """Log brightness (H, W) float32 of a picture (H, W, 3) uint8 without uneven illumination.

    The illumination is a second-order polynomial, fitted twice: the second time without outliers, so that the lines
    themselves weigh little. Clipped at six times the RMS, so that a speck of dirt cannot outweigh the lines.
    """
    height, width = image.shape[:2]
    grey = np.log(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32) + 8)
    small = cv2.resize(grey, (48, 48), interpolation=cv2.INTER_AREA)
    y, x = np.meshgrid(np.linspace(-1, 1, 48), np.linspace(-1, 1, 48), indexing="ij")
    terms = _second_order(x.ravel(), y.ravel())
    level = small.ravel().astype(np.float64)
    keep = np.ones(len(level), np.bool_)
    for _ in range(2):
        fit = np.linalg.lstsq(terms[keep], level[keep], rcond=None)[0]
        off = level - terms @ fit
        keep = np.abs(off) <= 2.5 * max(float(np.median(np.abs(off))) * 1.4826, 1e-3)
    course = cv2.resize((terms @ fit).reshape(48, 48).astype(np.float32), (width, height))
    flat = grey - course
    spread = float(np.sqrt(np.mean(np.square(flat[::3, ::3]))))
    return np.asarray(np.clip(flat, -_CLIP * spread, _CLIP * spread), np.float32)


def _second_order(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def line_normals(flat: NDArray[np.float32], count: int = 2) -> list[float]:
    """The `count` most likely directions of the lines' normal in a picture (h, w), degrees, 0 to 180.

    They are peaks of the gradient histogram.
    """
    smooth = cv2.GaussianBlur(flat, (0, 0), _SMOOTH_PX)
    dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)[2:-2, 2:-2]
    dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)[2:-2, 2:-2]
    bins = int(180 / _COARSE_BIN_DEG)
    angle = np.mod(np.degrees(np.arctan2(dy, dx)), 180)
    index = np.minimum((angle / _COARSE_BIN_DEG).astype(np.int64), bins - 1)
    votes = np.bincount(index.ravel(), (dx * dx + dy * dy).ravel(), bins)
    votes = votes + np.roll(votes, 1) + np.roll(votes, -1)
    found: list[float] = []
    for _ in range(count):
        best = int(np.argmax(votes))
        found.append((best + 0.5) * _COARSE_BIN_DEG)
        votes[np.arange(best - 5, best + 6) % bins] = -1
    return found


def sharpest_direction(flat: NDArray[np.float32], about_deg: float) -> float:
    """The direction near `about_deg` whose profile of a picture (h, w) varies most, degrees; within a tenth."""
    height, width = flat.shape
    chosen = np.random.default_rng(0).permutation(height * width)[:_SAMPLES] if flat.size > _SAMPLES else None
    values = flat.ravel() if chosen is None else flat.ravel()[chosen]
    y, x = np.divmod(np.arange(flat.size) if chosen is None else chosen, width)
    middle, reach = about_deg, 4.0
    while reach > 0.1:
        angles = middle + np.linspace(-reach, reach, 7)
        middle = float(angles[int(np.argmax(_sharpness(values, x, y, angles)))])
        reach /= 3
    return middle


def _sharpness(
    values: NDArray[np.float32],
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    angles_deg: NDArray[np.float64],
) -> list[float]:
    """For each direction: the variance of the differences between neighbouring bins of its profile."""
    result = []
    for angle in np.radians(angles_deg):
        place = x * np.cos(angle) + y * np.sin(angle)
        index = (place - place.min()).astype(np.int64)
        number = np.bincount(index)
        sums = np.bincount(index, values)
        full = number >= _MIN_FILL * number.max()
        mean = sums[full] / number[full]
        result.append(float(np.var(np.diff(mean))))
    return result


def project(flat: NDArray[np.float32], direction_deg: float, inside: NDArray[np.bool_] | None = None) -> Profile:
    """The mean of a flattened picture along its lines.

    Args:
        flat: (H, W) float32.
        direction_deg: of the lines' normal, degrees.
        inside: (H, W) bool, pixels to use; None for all.
    """
    place, _ = coordinates(flat.shape, direction_deg)
    place, values = (place.ravel(), flat.ravel()) if inside is None else (place[inside], flat[inside])
    place = place - np.floor(place.min())
    low = place.astype(np.int64)
    part = place - low
    size = int(low.max()) + 2
    weight = np.bincount(low, 1 - part, size) + np.bincount(low + 1, part, size)
    sums = np.bincount(low, values * (1 - part), size) + np.bincount(low + 1, values * part, size)
    full = np.flatnonzero(weight >= _MIN_FILL * weight.max())
    span = slice(int(full[0]), int(full[-1]) + 1)
    return Profile(sums[span] / np.maximum(weight[span], 1e-9), direction_deg)


def coordinates(shape: tuple[int, ...], direction_deg: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Position of every pixel across and along the lines, each (H, W) float64, pixels."""
    angle = np.radians(direction_deg)
    y, x = np.indices(shape[:2], np.float64)
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
