"""The circle that a mask shows, or a part of one that leaves the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Circle = tuple[float, float, float]

_LEAST_POINTS = 12
_TRIALS = 400
_NEAR_PX = 1.5
_SECTORS = 72
_SUPPORTED = 0.6
"""Share of a circle's sectors in the picture that must have the mask's contour on it: cells dent the rest, or a
reflection bulges it."""


def fit_circle(hull: NDArray[np.bool_], most_off: float) -> Circle | None:
    """x, y, radius of the circle that `hull`, (h, w), shows within the picture, pixels; None if it is not a circle.

    `most_off` is the share of the picture by which it may differ.
    """
    height, width = hull.shape
    circle = circle_by(_contour(hull))
    if circle is None or not 0.2 * min(height, width) < circle[2] < 3 * max(height, width):
        return None
    ys, xs = np.ogrid[:height, :width]
    disc = np.hypot(xs - circle[0], ys - circle[1]) <= circle[2]
    return circle if np.mean(disc != hull) < most_off else None


def circle_by(points: NDArray[np.float64]) -> Circle | None:
    """x, y, radius of the circle on which most of the points (N, 2) lie; None for too few."""
    kept, circle = np.ones(len(points), np.bool_), None
    for _ in range(4):
        circle = _least_squares(points[kept])
        if circle is None:
            return None
        off = np.abs(np.hypot(points[:, 0] - circle[0], points[:, 1] - circle[1]) - circle[2])
        kept = off <= max(1.0, 2 * float(np.median(off)))
    return circle


def find_circle(lit: NDArray[np.bool_]) -> Circle | None:
    """x, y, radius of the circle on which most of the contour of a mask (h, w) lies, whatever else is attached to it.

    By random sample consensus (Fischler and Bolles 1981), with a fixed sequence; None where there is none.
    """
    height, width = lit.shape
    points = _contour(lit)
    if len(points) < _LEAST_POINTS:
        return None
    chance = np.random.default_rng(0)
    chosen = points[chance.integers(0, len(points), (_TRIALS, 3))]
    x, y, radius = _through(chosen)
    usual = (radius > 0.2 * min(height, width)) & (radius < 1.5 * max(height, width))
    if not usual.any():
        return None
    x, y, radius = x[usual], y[usual], radius[usual]
    off = np.abs(np.hypot(points[:, 0] - x[:, None], points[:, 1] - y[:, None]) - radius[:, None])
    best = int(np.argmax((off < _NEAR_PX).sum(axis=1)))
    circle = _least_squares(points[off[best] < _NEAR_PX])
    return circle if circle is not None and _support(points, circle, lit.shape) >= _SUPPORTED else None


def _through(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """x, y, radius, (N,) each, of the circles through three points each, (N, 3, 2); radius 0 where they lie in line."""
    a, b, c = points[:, 0], points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    twice = 2 * (b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0])
    good = np.abs(twice) > 1e-6
    safe = np.where(good, twice, 1.0)
    bb, cc = (b**2).sum(axis=1), (c**2).sum(axis=1)
    x, y = (c[:, 1] * bb - b[:, 1] * cc) / safe, (b[:, 0] * cc - c[:, 0] * bb) / safe
    return a[:, 0] + x, a[:, 1] + y, np.where(good, np.hypot(x, y), 0.0)


def _support(points: NDArray[np.float64], circle: Circle, shape: tuple[int, ...]) -> float:
    """Share of the sectors of a circle within a picture (h, w) in which one of the points (N, 2) lies on it."""
    x, y, radius = circle
    angle = (np.arange(_SECTORS) + 0.5) * (2 * np.pi / _SECTORS)
    at = np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)])
    within = (at > 2).all(axis=0) & (at[0] < shape[1] - 3) & (at[1] < shape[0] - 3)
    on = points[np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - radius) < _NEAR_PX]
    sector = (np.arctan2(on[:, 1] - y, on[:, 0] - x) % (2 * np.pi) * (_SECTORS / (2 * np.pi))).astype(np.intp)
    seen = np.isin(np.arange(_SECTORS), sector)
    return float(seen[within].mean()) if np.count_nonzero(within) >= _SECTORS // 4 else 0.0


def _contour(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N, 2) x, y of the longest contour of a mask (h, w), without what lies at the picture's border."""
    height, width = mask.shape
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return np.zeros((0, 2))
    contour = max(contours, key=len)
    points = contour[:, 0].astype(np.float64)
    free = (points > 1.5).all(axis=1) & (points[:, 0] < width - 2.5) & (points[:, 1] < height - 2.5)
    return np.asarray(points[free], np.float64)


def _least_squares(points: NDArray[np.float64]) -> Circle | None:
    """x, y, radius of the circle that fits points (N, 2) best; None for too few."""
    if len(points) < _LEAST_POINTS:
        return None
    rows = np.column_stack([2 * points, np.ones(len(points))])
    (x, y, rest), *_ = np.linalg.lstsq(rows, (points**2).sum(axis=1), rcond=None)
    return float(x), float(y), float(np.sqrt(max(rest + x * x + y * y, 0.0)))
