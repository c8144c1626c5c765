"""Stain normalisation from two reference points of every smear, background and nuclei, and a third: the red cells.

Camera, lamp and dyes each change the colours of a smear. In optical density (Beer–Lambert) the background is zero and a
nucleus has a certain absorbance per channel; scaling both to reference values makes pictures of two laboratories
comparable. It costs one 256-entry table per channel. The nuclei are estimated over a session, never per cell, and
recorded with it as its stain calibration. The background is measured in every field, because lamp and exposure change
from field to field and the dyes do not.

Where a camera clips, nuclei are black in one channel and their density there is meaningless: scaled by it, red cells
turn green. The red cells, if measured, then add a third point to the table, between glass and nucleus.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image

OFFSET = 8.0
"""Added to a pixel before the logarithm, so that black is a finite density (2.9 to 3.5)."""
REFERENCE_LEVEL = 248.0
"""The background is mapped to this minus `OFFSET` = 240 in each channel: bright, not clipped."""
REFERENCE_NUCLEUS_OD = (0.39, 2.0, 1.24)
"""Absorbance of a nucleus in B, G, R: the median over the white cells of the PBC training split."""
RATIO_LIMITS = ((0.7, 1.4), (0.5, 2.5), (0.5, 2.5))
"""Bounds of the density scale per channel. Blue is narrower: nuclei absorb little blue, so its ratio is noisy."""
REFERENCE_RED_OD = (0.18, 0.30, 0.20)
"""Absorbance of the inner part of a red cell in B, G, R: the median over pictures of PBC, rounded."""
SLOPE_LIMITS = ((0.5, 2.0), (0.4, 2.5), (0.4, 2.5))
"""Bounds of the density scale per channel on either side of the red cells' point."""
CLIPPED_OD = (2.7, 3.1)
"""Green nuclear absorbance at which a nucleus counts as clipped: up to the first not at all, from the second fully.
Black is 3.4 on bright glass; unclipped stains lie at 0.7 to 2.5, clipped ones at 3.2 to 3.4."""
_LEVELS = 64
_MIN_RED_OD = 0.02
_SAMPLE_SIDE = 256
_BLACK = 12


@dataclass(frozen=True, slots=True)
class StainCalibration:
    """Background and nuclear absorbance of one session.

    Attributes:
        background: B, G, R of empty glass, 0 to 255.
        nucleus_od: absorbance of the darker half of the nuclei in B, G, R, natural logarithm.
        looks: number of pictures measured; 0 for the reference stain.
        red_od: absorbance of the inner part of the red cells in B, G, R; None where too few are seen.
    """

    background: tuple[float, float, float]
    nucleus_od: tuple[float, float, float]
    looks: int = 0
    red_od: tuple[float, float, float] | None = None

    @staticmethod
    def reference() -> StainCalibration:
        """The reference stain: applying it changes nothing but rounding."""
        level = REFERENCE_LEVEL - OFFSET
        return StainCalibration((level, level, level), REFERENCE_NUCLEUS_OD)

    def on_glass(self, background: NDArray[np.floating[Any]]) -> StainCalibration:
        """The same dyes in another light: with one field's background (3,) BGR instead of the session's."""
        b, g, r = (float(level) for level in background)
        return replace(self, background=(b, g, r))

    def ratios(self) -> NDArray[np.float64]:
        """(3,) float64: the density scale of each channel, bounded by `RATIO_LIMITS`."""
        ratio = np.asarray(REFERENCE_NUCLEUS_OD) / np.maximum(self.nucleus_od, 1e-3)
        limits = np.asarray(RATIO_LIMITS)
        bounded: NDArray[np.float64] = np.clip(ratio, limits[:, 0], limits[:, 1])
        return bounded

    @property
    def red_weight(self) -> float:
        """Weight of the red cells' point, 0 to 1: above 0 only if they were measured and the nuclei are clipped."""
        if self.red_od is None:
            return 0.0
        none, full = CLIPPED_OD
        return float(np.clip((self.nucleus_od[1] - none) / (full - none), 0.0, 1.0))

    def to_reference(self, density: NDArray[np.float64], red_weight: float | None = None) -> NDArray[np.float64]:
        """Densities (…, 3) of this stain mapped to the reference stain.

        Args:
            density: absorbance in B, G, R, natural logarithm.
            red_weight: 0 for a straight line through glass and nucleus, 1 for two through the red cells between them,
                anything between for the weighted mean; the stain's `red_weight` by default.
        """
        weight = self.red_weight if red_weight is None else red_weight
        straight: NDArray[np.float64] = density * self.ratios()
        if self.red_od is None or weight == 0:
            return straight
        red, nucleus = np.maximum(self.red_od, _MIN_RED_OD), np.asarray(self.nucleus_od)
        low, high = np.asarray(SLOPE_LIMITS).T
        below = np.clip(np.asarray(REFERENCE_RED_OD) / red, low, high)
        rest = np.asarray(REFERENCE_NUCLEUS_OD) - below * red
        above = np.clip(rest / np.maximum(nucleus - red, _MIN_RED_OD), low, high)
        bent = np.where(density < red, density * below, below * red + (density - red) * above)
        return (1 - weight) * straight + weight * bent

    def table(self, red_weight: float | None = None) -> NDArray[np.uint8]:
        """The look-up table for `cv2.LUT`, (1, 256, 3) uint8; `red_weight` as in `to_reference`."""
        level = np.arange(256, dtype=np.float64)[:, None]
        density = -np.log((level + OFFSET) / (np.asarray(self.background) + OFFSET))
        table = REFERENCE_LEVEL * np.exp(-self.to_reference(density, red_weight)) - OFFSET
        levels: NDArray[np.uint8] = np.clip(np.rint(table), 0, 255).astype(np.uint8)[None]
        return levels


def apply_stain(image: Image, stain: StainCalibration, red_weight: float | None = None) -> Image:
    """`image` (H, W, 3) uint8 BGR normalised to the reference background and stain; see `table`."""
    return cv2.LUT(image, stain.table(red_weight))  # type: ignore[return-value]


def background_colour(image: Image) -> NDArray[np.float64]:
    """(3,) float64 BGR: colour of empty glass in a picture (H, W, 3) uint8.

    The brightest of three classes of the green channel (the channel that both red cells and nuclei absorb),
    found by Otsu's criterion for three classes (Liao, Chen, Chung 2001); black borders are ignored.
    """
    step = max(1, min(image.shape[:2]) // _SAMPLE_SIDE)
    pixels = np.ascontiguousarray(image[::step, ::step])
    green = np.asarray(cv2.extractChannel(pixels, 1), np.uint8)
    lit = _not_black(pixels)
    levels = level_counts(green, lit)
    _, upper = _two_thresholds(levels.reshape(_LEVELS, -1).sum(axis=1))
    least = min(upper * (256 // _LEVELS), int(np.flatnonzero(levels)[-1]))
    bright = (green >= least).view(np.uint8)
    if lit is not None:
        cv2.bitwise_and(bright, lit, bright)
    counts = (level_counts(pixels, bright, channel) for channel in range(3))
    return np.array([ranked_level(one, 0.5) for one in counts])


def level_counts(
    picture: NDArray[np.uint8], mask: NDArray[np.uint8] | None = None, channel: int = 0
) -> NDArray[np.intp]:
    """(256,) how many pixels of a channel of a picture (h, w) or (h, w, 3) uint8 have each level; of a mask's alone."""
    counts = cv2.calcHist([picture], [channel], mask, [256], [0, 256])
    return np.asarray(counts, np.float32).ravel().astype(np.intp)


def ranked_level(counts: NDArray[np.intp], share: float) -> float:
    """The level below which this share of all pixels lies, interpolated as `numpy.quantile` does; (256,), some > 0."""
    up_to = np.cumsum(counts)
    place = share * (int(up_to[-1]) - 1)
    below = int(place)
    low, high = np.searchsorted(up_to, [below, min(below + 1, int(up_to[-1]) - 1)], side="right").tolist()
    return float(low + (place - below) * (high - low))


def density(image: Image, background: NDArray[np.float64]) -> NDArray[np.float32]:
    """Absorbance (H, W, 3) float32, natural logarithm, of a picture (H, W, 3) uint8 against its background."""
    level = np.arange(256, dtype=np.float64)[:, None]
    table = -np.log((level + OFFSET) / (background + OFFSET))
    return cv2.LUT(image, table.astype(np.float32)[None])  # type: ignore[return-value]


def pool_stains(stains: list[StainCalibration]) -> StainCalibration | None:
    """The session's stain: the median over single pictures' stains, or None without any.

    The red cells' colour is used if at least half of the pictures show it: in pictures cropped closely around single
    cells, a few chance detections are not red cells.
    """
    if not stains:
        return None
    reds = [s.red_od for s in stains if s.red_od is not None]
    red_od = None
    if len(reds) >= len(stains) / 2:
        rb, rg, rr = (float(v) for v in median(np.array(reds)))
        red_od = (rb, rg, rr)
    b, g, r = (float(v) for v in median(np.array([s.background for s in stains])))
    nb, ng, nr = (float(v) for v in median(np.array([s.nucleus_od for s in stains])))
    return StainCalibration((b, g, r), (nb, ng, nr), sum(s.looks for s in stains), red_od)


def darkest_class(absorbed: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(H, W) bool: the densest of three classes of green + red absorbance: the nuclei, if the picture has any."""
    total = cv2.add(cv2.extractChannel(absorbed, 1), cv2.extractChannel(absorbed, 2))
    bins = (np.clip(total, 0, 4) * np.float32((_LEVELS - 1) / 4)).astype(np.uint8)
    _, upper = _two_thresholds(level_counts(bins)[:_LEVELS])
    return bins >= upper


def _not_black(image: Image) -> NDArray[np.uint8] | None:
    """(h, w) uint8, 0 where a picture (h, w, 3) has black padding, else 255; None if nothing or all of it is black."""
    black = np.asarray(cv2.inRange(image, np.zeros(3), np.full(3, float(_BLACK))), np.uint8)
    count = cv2.countNonZero(black)
    return np.asarray(cv2.bitwise_not(black), np.uint8) if 0 < count < black.size else None


def median(values: NDArray[Any], axis: int = 0) -> NDArray[Any]:
    """The median along an axis of values (…) that are no NaN: `numpy.median` in less time for a few hundred."""
    count = values.shape[axis]
    middle = (count - 1) // 2, count // 2
    parted = np.partition(values, middle, axis=axis)
    low, high = (parted.take(place, axis=axis) for place in middle)
    return np.asarray((low.astype(np.result_type(values, np.float32)) + high) / 2)


@cache
def _pairs(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All pairs of first bins of the second and third class, among `size` bins."""
    low, high = np.triu_indices(size, k=1)
    keep = high + 1 < size
    return low[keep] + 1, high[keep] + 1


def _two_thresholds(histogram: NDArray[np.intp]) -> tuple[int, int]:
    """The first bins of the second and third class that maximise the variance between three classes."""
    weight = np.concatenate([[0.0], np.cumsum(histogram)])
    moment = np.concatenate([[0.0], np.cumsum(histogram * np.arange(len(histogram)))])

    def spread(w: NDArray[np.float64], m: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(m * m / np.maximum(w, 1e-9))  # an empty class has no moment

    low, high = _pairs(len(histogram))
    first, last = spread(weight, moment), spread(weight[-1] - weight, moment[-1] - moment)
    score = first[low] + spread(weight[high] - weight[low], moment[high] - moment[low]) + last[high]
    best = int(np.argmax(score))
    return int(low[best]), int(high[best])
