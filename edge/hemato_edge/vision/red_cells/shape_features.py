"""A red cell's shape in numbers: its outline, and how it absorbs from its middle to its rim.

All are ratios: lengths by a red cell's diameter on this slide or by the cell's own radius, absorbances by the rim's. So
they hold for any magnification, stain and lamp, and they do not change when the cell is turned or mirrored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hemato_edge.vision.optics.stain import OFFSET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.vision.field_view import FieldView

ANGLES, RINGS, HARMONICS = 64, 10, 8
_TURN = np.arange(ANGLES) * (2 * np.pi / ANGLES)
_AROUND = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_RELATIVE = np.linspace(0.05, 0.95, RINGS)
_RIM_RINGS = slice(5, 9)
"""Of the rings, those among which each direction's darkest is its rim."""
_PERCENTILES = (5, 25, 50, 75, 95)
_LEAST = 1e-3
NAMES: tuple[str, ...] = (
    *("size", "length_by_width", "solidity", "circularity", "least_radius", "largest_radius", "radius_spread"),
    *("radius_skew", "roughness", "sharpest_corner", *(f"radius_harmonic_{n + 1}" for n in range(HARMONICS))),
    *(f"absorbance_{n}" for n in range(RINGS)),
    *(f"unevenness_{n}" for n in range(0, RINGS, 2)),
    *(f"absorbance_{n}_harmonic_{k + 1}" for n in (1, 3, 5, 7) for k in range(3)),
    *("rim", "absorbance_spread", *(f"absorbance_p{p}" for p in _PERCENTILES), "middle_by_palest"),
)
"""What `shape_features` gives, in order. Models are fitted to it: it never changes but with the version of a card."""


def shape_features(view: FieldView, outlines: Sequence[NDArray[np.int32]], red_cell_px: float) -> NDArray[np.float32]:
    """Numbers of red cells, (n, `NAMES`) float32.

    Args:
        view: the field.
        outlines: (m, 1, 2) of each cell, pixels; see `outlines.RedCellLook.alone`.
        red_cell_px: diameter of a red cell on this slide, pixels.
    """
    if not outlines:
        return np.zeros((0, len(NAMES)), np.float32)
    green = cv2.GaussianBlur(cv2.extractChannel(view.picture, 1), (3, 3), 0)
    absorbed = -np.log((green.astype(np.float32) + np.float32(OFFSET)) / np.float32(view.background[1] + OFFSET))
    polar = [_polar(absorbed, one) for one in outlines]
    rims = [max(float(rings[_RIM_RINGS].max(axis=0).mean()), _LEAST) for _, rings in polar]
    usual = float(np.median(rims))
    found = [
        [*_of_outline(one, red_cell_px), *_of_radii(radii), *_of_rings(rings / rim), rim / usual, *_inside(rings / rim)]
        for one, (radii, rings), rim in zip(outlines, polar, rims, strict=True)
    ]
    return np.nan_to_num(np.array(found, np.float32), posinf=0.0, neginf=0.0)


def _of_outline(outline: NDArray[np.int32], red_cell_px: float) -> list[float]:
    area, hull = (cv2.contourArea(one) + len(one) / 2 for one in (outline, cv2.convexHull(outline)))
    sides = cv2.minAreaRect(outline)[1]
    round_about = max(cv2.arcLength(outline, closed=True), 1.0)
    return [
        float(np.sqrt(4 * area / np.pi)) / red_cell_px,
        max(sides) / max(min(sides), 1.0),
        area / hull,
        4 * np.pi * area / round_about**2,
    ]


def _of_radii(radii: NDArray[np.float64]) -> list[float]:
    """Of the outline's distances (`ANGLES`,) from the middle."""
    relative = radii / radii.mean()
    steps = np.abs(np.diff(relative, append=relative[:1]))
    spread = max(float(relative.std()), _LEAST)
    return [
        float(relative.min()),
        float(relative.max()),
        spread,
        float(((relative - 1) ** 3).mean()) / spread**3,
        float(steps.mean()),
        float(steps.max()),
        *_harmonics(relative, HARMONICS),
    ]


def _of_rings(rings: NDArray[np.float64]) -> list[float]:
    """Of the absorbances (`RINGS`, `ANGLES`) by the rim's."""
    uneven = [value for n in (1, 3, 5, 7) for value in _harmonics(rings[n], 3)]
    return [*rings.mean(axis=1).tolist(), *rings.std(axis=1)[::2].tolist(), *uneven]


def _inside(rings: NDArray[np.float64]) -> list[float]:
    """Of all the cell, each ring by its area."""
    share = np.repeat(_RELATIVE, ANGLES)
    values = rings.ravel()
    order = np.argsort(values)
    reached = np.cumsum(share[order]) / share.sum()
    mean = float(np.average(values, weights=share))
    profile = rings.mean(axis=1)
    return [
        float(np.sqrt(np.average((values - mean) ** 2, weights=share))),
        *np.interp(np.array(_PERCENTILES) / 100, reached, values[order]).tolist(),
        float(profile[:3].mean() - profile.min()),
    ]


def _harmonics(values: NDArray[np.float64], count: int) -> list[float]:
    """How strongly values (`ANGLES`,) go up and down once, twice and so on around the cell."""
    amplitudes: list[float] = (np.abs(np.fft.rfft(values))[1 : count + 1] / ANGLES).tolist()
    return amplitudes


def _polar(absorbed: NDArray[np.float32], outline: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """The outline's distance from the middle in each direction, pixels, and the absorbances (`RINGS`, `ANGLES`)."""
    points = outline[:, 0].astype(np.float64)
    moments = cv2.moments(outline)
    middle = points.mean(axis=0)
    if moments["m00"] > 0:
        middle = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    away = points - middle
    direction = np.rint(np.arctan2(away[:, 1], away[:, 0]) * (ANGLES / (2 * np.pi))).astype(np.intp) % ANGLES
    radii = np.zeros(ANGLES)
    np.maximum.at(radii, direction, np.hypot(*away.T))
    known = np.flatnonzero(radii)
    radii = np.maximum(np.interp(np.arange(ANGLES), known, radii[known], period=ANGLES), 0.5)
    places = middle + _RELATIVE[:, None, None] * (radii[:, None] * _AROUND)
    columns, rows = np.rint(places).astype(np.intp).transpose(2, 0, 1)
    high, wide = absorbed.shape
    return radii, absorbed[np.clip(rows, 0, high - 1), np.clip(columns, 0, wide - 1)].astype(np.float64)
