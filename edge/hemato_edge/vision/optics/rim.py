"""The rim of a field, measured across it: where the light is half of the inside's, and how it fades.

At each distance the brightest fifth of the ring is glass, whatever cells lie there. Each channel is measured by itself,
since an eyepiece's rim has fringes of colour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.rim_light import GONE, RimLight, outwards
from hemato_edge.vision.optics.circles import circle_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.values import Image

LIT_QUANTILE = 0.8
"""So bright is the glass of a ring among its pixels."""
_WIDTHS = (0.08, 0.2, 0.4)
"""Shares of the radius on both sides that are looked at: the next where the light fades in more than half of it."""
_RAYS = 240
_LEAST_RAYS = 24
_SECTORS = 24
_LEAST_SPAN = 12.0
_ENDED = 0.03
_SLOW, _SLOPE_PX, _NEARLY_FULL = 0.1, 3, 0.85
"""A rim begins where the light fades at a tenth of the steepest rate: an even lamp's edge has 98 % of it there."""
_SHARP_PX = 8
"""A rim in which the light fades over no more pixels than this is sharp: so few say too little of each, and what was
brought back there moved the outlines of cells. Over five drawn slides a turned picture with such a rim showed 358
of 400 red cells, and a hard black circle 332 of 317."""
_GONE_COLOUR = 0.15
"""A channel may fade to this share where the others are light enough: cells are seen in green above all."""
_SMOOTH = np.array([0.25, 0.5, 0.25])


@dataclass(frozen=True, slots=True)
class Rim:
    """A field's rim.

    Attributes:
        edge_px: radius up to which there is slide to be seen; for an outline the distance outwards from that.
        half_px: radius where half of the light is left, or that distance.
        light: how it fades; None for a rim that is sharp.
    """

    edge_px: float
    half_px: float
    light: RimLight | None


def measure_rim(image: Image, middle: tuple[float, float], radius: float) -> Rim | None:
    """The rim of a round field around `middle` with about that radius, pixels, in a picture (H, W, 3) uint8 BGR.

    None where the rays are inconclusive.
    """
    found = None
    for width in _WIDTHS:
        steps = np.arange((1 - width) * radius, (1 + width) * radius)
        rays = _rays(image, middle, steps)
        if rays is None:
            break
        closer = _middle_by(rays, steps, middle)
        if closer is not None:
            middle, rays = closer, _rays(image, closer, steps) or rays
        glass = np.asarray(np.nanquantile(rays.levels, LIT_QUANTILE, axis=0), np.float32)
        rim, whole = _rim(steps, glass, RimLight(middle, 0.0, (), (0.0, 0.0, 0.0)))
        found = rim or found
        if whole:
            break
    return found


@dataclass(frozen=True, slots=True)
class _Rays:
    """Levels along rays from a field's middle: their angles, (n,), and (n, steps, 3), NaN outside of the picture."""

    angles: NDArray[np.float64]
    levels: NDArray[np.float32]


def _rays(image: Image, middle: tuple[float, float], steps: NDArray[np.float64]) -> _Rays | None:
    """Rays through a picture (H, W, 3) at the radii `steps`, pixels; None where too few of them are in the picture."""
    height, width = image.shape[:2]
    angle = np.linspace(0, 2 * np.pi, _RAYS, endpoint=False)
    x = np.rint(middle[0] + np.cos(angle)[:, None] * steps).astype(np.intp)
    y = np.rint(middle[1] + np.sin(angle)[:, None] * steps).astype(np.intp)
    within = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    if (np.count_nonzero(within, axis=0) < _LEAST_RAYS).any():
        return None
    level = image[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)].astype(np.float32)
    return _Rays(angle, np.where(within[..., None], level, np.float32(np.nan)))


def _middle_by(rays: _Rays, steps: NDArray[np.float64], middle: tuple[float, float]) -> tuple[float, float] | None:
    """The middle of the circle at which the rays' light is half of the inside's; None if too few sectors show it.

    In each sector by itself glass is the brightest: cells would move its rim inwards.
    """
    light = rays.levels.mean(axis=2)
    sectors = light.reshape(_SECTORS, -1, len(steps))
    whole = ~np.isnan(sectors).any(axis=(1, 2))
    if np.count_nonzero(whole) < _SECTORS // 2:
        return None
    bright = np.quantile(sectors[whole], LIT_QUANTILE, axis=1)
    quarter = len(steps) // 4
    inside, outside = np.quantile(bright[:, :quarter], 0.75), np.median(bright[:, -quarter:])
    if inside - outside < _LEAST_SPAN:
        return None
    share = (bright - outside) / (inside - outside)
    last = share.shape[1] - 2 - np.argmax(share[:, -2::-1] >= 0.5, axis=1)
    rows = np.arange(len(share))
    above, below = share[rows, last], share[rows, last + 1]
    far = steps[last] + np.clip((above - 0.5) / np.maximum(above - below, 1e-3), 0, 1)
    angle = rays.angles.reshape(_SECTORS, -1).mean(axis=1)[whole]
    circle = circle_by(np.stack([np.cos(angle) * far, np.sin(angle) * far], axis=1))
    if circle is None or np.hypot(*circle[:2]) > quarter:
        return None
    return middle[0] + circle[0], middle[1] + circle[1]


def measure_outline(image: Image, outline: Sequence[tuple[float, float]]) -> Rim | None:
    """The rim of a field with that convex outline, pixels, in a picture (H, W, 3) uint8 BGR; None: inconclusive."""
    far = outwards(outline, (image.shape[1], image.shape[0]))
    found = None
    for share in _WIDTHS[:-1]:
        width = round(share * min(image.shape[:2]) / 2)
        steps = np.arange(-width, width + 1)
        glass = _glass_at(image, far, steps)
        if glass is None:
            break
        empty = RimLight((0.0, 0.0), 0.0, (), (0.0, 0.0, 0.0), tuple(outline))
        rim, whole = _rim(steps.astype(np.float64), glass, empty)
        found = rim or found
        if whole:
            break
    return found


def _glass_at(image: Image, far: NDArray[np.float32], steps: NDArray[np.intp]) -> NDArray[np.float32] | None:
    """(n, 3) float32: the level of glass at the distances `steps` in `far`, (H, W); None: too few of one."""
    places = np.flatnonzero((far > steps[0] - 0.5) & (far < steps[-1] + 0.5))
    ring = np.rint(far.ravel()[places]).astype(np.intp) - steps[0]
    ranked = places[np.argsort(ring, kind="stable")]
    ends = np.cumsum(np.bincount(ring, minlength=len(steps)))
    rings = np.split(image.reshape(-1, 3)[ranked], ends[:-1])
    if min(len(one) for one in rings) < _LEAST_RAYS:
        return None
    return np.array([np.quantile(one, LIT_QUANTILE, axis=0) for one in rings], np.float32)


def _rim(steps: NDArray[np.float64], glass: NDArray[np.float32], empty: RimLight) -> tuple[Rim | None, bool]:
    """The rim by the levels of glass, (n, 3), at the radii or distances `steps`; and whether all of it lies within.

    `empty` says of what it is the light.
    """
    quarter = len(steps) // 4
    inside, outside = np.quantile(glass[:quarter], 0.75, axis=0), np.median(glass[-quarter:], axis=0)
    span = inside - outside
    told = np.abs(span) > max(_LEAST_SPAN, 0.3 * float(np.abs(span).max()))
    if not told.any():
        return None, False
    share = np.ones(glass.shape)
    share[:, told] = (glass[:, told] - outside[told]) / span[told]
    padded = np.concatenate([share[:1], share, share[-1:]])
    smooth = sum(weight * padded[i : i + len(share)] for i, weight in enumerate(_SMOOTH))
    share = np.minimum.accumulate(np.clip(smooth, 0, 1), axis=0)
    share[:, ~told] = share[:, told].min(axis=1, keepdims=True)
    start = _start(share[:, told].mean(axis=1))
    if start is None:
        return None, False
    share = np.minimum(share / share[start], 1.0)
    mean, least = share[:, told].mean(axis=1), share.min(axis=1)
    half, end = _first_below(mean, 0.5), _first_below(mean, _ENDED)
    edge = _first_below(np.minimum(mean, least * (GONE / _GONE_COLOUR)), GONE)
    if half is None or edge is None:
        return None, False
    whole = start >= quarter and end is not None and end < len(steps) - quarter
    if edge - start <= _SHARP_PX:
        sharp = float(steps[half]) - 0.5
        return Rim(sharp - 1, sharp, None), whole
    light = replace(
        empty,
        start_px=float(steps[start]),
        shares=tuple((float(b), float(g), float(r)) for b, g, r in share[start : edge + 2].round(4)),
        stray=(float(outside[0]), float(outside[1]), float(outside[2])),
    )
    return Rim(float(steps[edge]) - 1, float(steps[half]) - 0.5, light), whole


def _start(share: NDArray[np.float64]) -> int | None:
    """Where the light, (n,) from the inside outwards, begins to fade faster than a lamp's does; None if nowhere."""
    half = _first_below(share, 0.5)
    if half is None:
        return None
    slope = np.convolve(share[:-1] - share[1:], np.ones(_SLOPE_PX) / _SLOPE_PX, "same")
    slow = (slope[:half] < _SLOW * slope.max()) & (share[:half] > _NEARLY_FULL)
    return int(np.flatnonzero(slow)[-1]) if slow.any() else 0


def _first_below(share: NDArray[np.float64], level: float) -> int | None:
    below = share < level
    return int(np.argmax(below)) if below.any() else None
