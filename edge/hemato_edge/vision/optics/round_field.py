"""The convex field that an eyepiece leaves: its surroundings are dark, or of one colour, out to the corners."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.vision.optics.bars import FOREIGN, UNIFORM
from hemato_edge.vision.optics.circles import find_circle, fit_circle
from hemato_edge.vision.optics.rim import measure_rim
from hemato_edge.vision.optics.shaped_field import shaped_edge
from hemato_edge.vision.optics.stain import median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.rim_light import RimLight
    from hemato_edge.values import Image

ROUND, SHAPE, RECTANGLE = "round", "shape", "rectangle"
"""Kinds of lit field."""
UNTOLD_SOFT = "soft"
"""Reason why the aperture is unknown: its rim is as soft as vignetting."""
DARK_SHARES = (0.38, 0.5)
"""Darker than this share of the glass, and connected to the border, is no slide: nuclei keep more in one channel. The
second value is tried where reflections surround the field."""
BLACK_SHARE = 0.25
"""The median of an aperture's surroundings is darker than this share of the glass."""
INSIDE_LIT = 0.55
"""Minimum share of a field that differs in colour from its surroundings."""
_SIDE = 240
_LEAST_OUTSIDE = 0.004
_LEAST_COLOURED = 0.04
LEAST_CORNERS = 2
"""Minimum number of the picture's corners that the surroundings reach."""
_ALL_CORNERS = 4
_OUTSIDE_DARK = 0.96
_FLARED_DARK = 0.6
_RECTANGLE_SHARE = 0.985
_CIRCLE_OFF = 0.012
_KNOWN_CIRCLE_OFF = 0.05
_CORNER = 0.03
_THREAD = 9
_RIM = 0.7
_HALF = 0.5
_GONE = 0.25
_SOFT_RIM = 0.2
_LIT_QUANTILE = 0.8


@dataclass(frozen=True, slots=True)
class LitField:
    """The lit field found in a picture.

    Attributes:
        shown: (H, W) bool, the field; None if it is the whole picture, or unknown.
        kind: `ROUND` or `SHAPE`; "rectangle" where only bars surround it; "" for nothing.
        retreat_px: how far `shown` stays inside the radius of half the light, pixels; negative where it reaches beyond.
        rim: how the light fades at a circle's rim; None for a sharp one, or where it could not be measured.
        untold: why it is unknown, or None.
    """

    shown: NDArray[np.bool_] | None = None
    kind: str = ""
    retreat_px: float = 0.0
    untold: str | None = None
    rim: RimLight | None = None


def find_lit_field(image: Image, glass: NDArray[np.float64], *, round_field: bool) -> LitField:
    """The convex field of a picture (H, W, 3) uint8 BGR in dark or one-coloured surroundings.

    Args:
        image: the picture; the surroundings must reach its corners.
        glass: (3,) BGR of empty glass.
        round_field: it is known to be round: its rim may be soft.
    """
    height, width = image.shape[:2]
    factor = min(1.0, _SIDE / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA), np.uint8)
    for around in _surroundings(small, glass):
        hull = _within(around)
        if hull is None:
            continue
        light = around.light(small)
        if around.dark and float(np.median(light[~hull])) > BLACK_SHARE * float(glass.max()):
            continue
        circle = fit_circle(hull, _KNOWN_CIRCLE_OFF if round_field else _CIRCLE_OFF)
        if circle is not None:
            rim = _rim(light, *circle) or ((circle[2], 0.0) if round_field else None)
            return LitField(untold=UNTOLD_SOFT) if rim is None else _round_field(image, around, circle, rim, size)
        if around.dark and _is_rectangle(hull):
            return LitField(kind=RECTANGLE)
        if _corners(~hull) == _ALL_CORNERS:
            shown, retreat, fade = shaped_edge(image, hull, around.light(image), around.glass_off)
            return LitField(shown, SHAPE, retreat, rim=fade)
    return LitField()


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """Possible surroundings of a field: where, (h, w) bool, their colour, (3,) BGR, and its distance from glass."""

    place: NDArray[np.bool_]
    colour: NDArray[np.float32]
    glass_off: float
    dark: bool

    def light(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Distance of pixels (…, 3) from its colour, limited to that of glass, (…) float32; if dark: their level."""
        off = np.abs(pixels.astype(np.float32) - self.colour).max(axis=-1)
        return np.asarray(off if self.dark else np.minimum(off, self.glass_off), np.float32)


def _within(around: _Surroundings) -> NDArray[np.bool_] | None:
    """(h, w) bool: the field within some surroundings; None where there is none."""
    lit = _largest(~_at_the_border(around.place))
    if lit is None or lit.all():
        return None
    hull = _surrounded(lit, around.place, dark=around.dark)
    return _beside_a_flare(lit, around.place) if hull is None and around.dark else hull


def _surrounded(lit: NDArray[np.bool_], surroundings: NDArray[np.bool_], *, dark: bool) -> NDArray[np.bool_] | None:
    """(h, w) bool: the convex field around what is lit (h, w) in its surroundings (h, w); None where there is none."""
    least = _LEAST_OUTSIDE if dark else _LEAST_COLOURED
    if 1 - lit.mean() < least or _corners(~lit) < LEAST_CORNERS:
        return None
    hull = _hull(lit)
    outside = ~hull
    if outside.mean() < least or _corners(outside) < LEAST_CORNERS:
        return None
    told = surroundings[outside].mean() >= _OUTSIDE_DARK and (~surroundings)[hull].mean() >= INSIDE_LIT
    return hull if told else None


def _beside_a_flare(lit: NDArray[np.bool_], dark: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """(h, w) bool: the round field in dark surroundings (h, w), a part of which a reflection lights up."""
    circle = find_circle(lit)
    if circle is None:
        return None
    down, across = np.ogrid[: dark.shape[0], : dark.shape[1]]
    disc = np.asarray(np.hypot(across - circle[0], down - circle[1]) <= circle[2], np.bool_)
    told = dark[~disc].mean() >= _FLARED_DARK and lit[disc].mean() >= INSIDE_LIT if not disc.all() else False
    return disc if told and _corners(~disc) >= LEAST_CORNERS else None


def _corners(mask: NDArray[np.bool_]) -> int:
    """How many of a picture's corners are in a mask (h, w)."""
    return int(mask[:: len(mask) - 1, :: mask.shape[1] - 1].sum())


def _is_rectangle(hull: NDArray[np.bool_]) -> bool:
    box = cv2.boundingRect(hull.astype(np.uint8))
    return bool(hull.sum() > _RECTANGLE_SHARE * box[2] * box[3])


def _round_field(
    image: Image,
    around: _Surroundings,
    circle: tuple[float, float, float],
    rim: tuple[float, float],
    size: tuple[int, int],
) -> LitField:
    """A circle found in a small picture of width and height `size`; its rim is measured in the large one."""
    height, width = image.shape[:2]
    large = width / size[0]
    middle = (circle[0] + 0.5) * large - 0.5, (circle[1] + 0.5) * height / size[1] - 0.5
    half = large * (rim[0] + rim[1])
    close = measure_rim(image, middle, half)
    edge, half = (large * rim[0], half) if close is None else (close.edge_px, close.half_px)
    down, across = np.ogrid[:height, :width]
    shown = np.asarray(np.hypot(across - middle[0], down - middle[1]) <= edge, np.bool_)
    return LitField(shown, ROUND, half - edge, rim=None if close is None else close.light)


def _surroundings(small: Image, glass: NDArray[np.float64]) -> list[_Surroundings]:
    """Possible surroundings of the field of a small picture (h, w, 3): dark, or the common colour of its corners."""
    brightest, black = np.asarray(reduce(cv2.max, cv2.split(small))), np.zeros(3, np.float32)
    found = [
        _Surroundings(brightest < share * float(glass.max()), black, float(glass.max()), dark=True)
        for share in DARK_SHARES
    ]
    height, width = brightest.shape
    side = max(2, round(_CORNER * min(height, width)))
    corners = [
        small[y : y + side, x : x + side].reshape(-1, 3).astype(np.float32)
        for y in (0, height - side)
        for x in (0, width - side)
    ]
    middles = np.array([median(one) for one in corners], np.float32)
    spreads = np.array(
        [np.quantile(np.abs(one - middle).max(axis=1), 0.9) for one, middle in zip(corners, middles, strict=True)]
    )
    for i in np.argsort(spreads).tolist():
        alike = (np.abs(middles - middles[i]).max(axis=1) < UNIFORM) & (spreads < 2 * UNIFORM)
        glass_off = float(np.abs(middles[i] - glass).max())
        if alike.sum() >= LEAST_CORNERS and glass_off > FOREIGN:
            reach = max(UNIFORM, 2.0 * float(spreads[alike].max())) + UNIFORM
            place = np.abs(small.astype(np.float32) - middles[i]).max(axis=2) < reach
            found.append(_Surroundings(place, middles[i], glass_off, dark=False))
            break
    return found


def _at_the_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of a mask (h, w) that touch its border."""
    if not any(side.any() for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1])):
        return np.zeros_like(mask)
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    touching = np.zeros(count, np.bool_)
    touching[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    touching[0] = False
    return np.asarray(touching[labels], np.bool_)


def _largest(lit: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The largest part of a mask (h, w), without thin attachments; None if it is below a tenth of the picture."""
    opened = cv2.morphologyEx(lit.astype(np.uint8), cv2.MORPH_OPEN, np.ones((_THREAD, _THREAD), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:
        return None
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return labels == best if stats[best, cv2.CC_STAT_AREA] > 0.1 * lit.size else None


def _hull(lit: NDArray[np.bool_]) -> NDArray[np.bool_]:
    points = cv2.findNonZero(lit.astype(np.uint8))
    filled = np.zeros(lit.shape, np.uint8)
    cv2.fillConvexPoly(filled, cv2.convexHull(points), [1])
    return filled > 0


def _rim(level: NDArray[np.float32], x: float, y: float, radius: float) -> tuple[float, float] | None:
    """The radius up to which a round field is as bright as inside, and the distance from there to half the light.

    In pixels of `level` (h, w); None where the light falls off slowly.
    """
    rows, columns = np.ogrid[: level.shape[0], : level.shape[1]]
    far = np.hypot(columns - x, rows - y)
    steps = np.arange(0.72 * radius, 1.08 * radius, 0.5)
    ring = np.digitize(far, steps)
    light = np.array(
        [np.quantile(level[ring == i], _LIT_QUANTILE) if (ring == i).any() else np.nan for i in range(1, len(steps))]
    )
    inside = float(np.nanmax(light[: len(light) // 3]))
    outside = float(np.nanmin(light[len(light) // 2 :]))
    if not np.isfinite(inside + outside):
        return None
    share = (light - outside) / max(abs(inside - outside), 1.0)
    return _crossing(steps, share, radius)


def _crossing(steps: NDArray[np.float64], share: NDArray[np.float64], radius: float) -> tuple[float, float] | None:
    middle = next((i for i in range(len(share)) if share[i] < _HALF), None)
    if middle is None:
        return float(radius) - 1, 1.0
    start = next((i for i in range(middle, -1, -1) if share[i] >= _RIM), 0)
    end = next((i for i in range(middle, len(share)) if share[i] < _GONE), len(share))
    if steps[min(end, len(steps) - 1)] - steps[start] > _SOFT_RIM * radius:
        return None
    return float(steps[start]), float(steps[middle] - steps[start])
