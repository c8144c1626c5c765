"""The stain as two points that every smear has: the empty background and the nuclei.

A camera, a lamp and a dye each change the colours of a smear. In optical density (Beer–Lambert) the
background is zero and a nucleus a certain absorbance per channel; bringing both to reference values makes two
laboratories' pictures comparable. It costs one 256-entry table per channel. The nuclei are estimated over a session,
never per cell, and belong in the session's record: they are its stain calibration. The background is measured anew in
every field, because lamp and exposure change from field to field and the dyes do not.
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
"""The background is brought to this minus `OFFSET` = 240 in each channel: bright, not clipped."""
REFERENCE_NUCLEUS_OD = (0.39, 2.0, 1.24)
"""Absorbance of a nucleus in B, G, R: the median over the white cells of the PBC training split."""
RATIO_LIMITS = ((0.7, 1.4), (0.5, 2.5), (0.5, 2.5))
"""Bounds of the density scale per channel. Blue is held tighter: nuclei absorb little blue, so its ratio is noisy."""
_LEVELS = 64
_SAMPLE_SIDE = 256
_BLACK = 12


@dataclass(frozen=True, slots=True)
class StainCalibration:
    """Background and nucleus of one session.

    Attributes:
        background: B, G, R of empty glass, 0 to 255.
        nucleus_od: absorbance of the darker half of the nuclei in B, G, R, natural logarithm.
        looks: how many pictures the estimate rests on; 0 for the reference stain.
    """

    background: tuple[float, float, float]
    nucleus_od: tuple[float, float, float]
    looks: int = 0

    @staticmethod
    def reference() -> StainCalibration:
        """The stain to which all others are brought: applying it changes nothing but rounding."""
        level = REFERENCE_LEVEL - OFFSET
        return StainCalibration((level, level, level), REFERENCE_NUCLEUS_OD)

    def on_glass(self, background: NDArray[np.floating[Any]]) -> StainCalibration:
        """The same dyes under another light: with the background (3,) BGR of one field in place of the session's."""
        b, g, r = (float(level) for level in background)
        return replace(self, background=(b, g, r))

    def ratios(self) -> NDArray[np.float64]:
        """(3,) float64: by how much the density of each channel is scaled, bounded by `RATIO_LIMITS`."""
        ratio = np.asarray(REFERENCE_NUCLEUS_OD) / np.maximum(self.nucleus_od, 1e-3)
        limits = np.asarray(RATIO_LIMITS)
        bounded: NDArray[np.float64] = np.clip(ratio, limits[:, 0], limits[:, 1])
        return bounded

    def table(self) -> NDArray[np.uint8]:
        """The look-up table for `cv2.LUT`, (1, 256, 3) uint8."""
        level = np.arange(256, dtype=np.float64)[:, None]
        density = -np.log((level + OFFSET) / (np.asarray(self.background) + OFFSET))
        table = REFERENCE_LEVEL * np.exp(-density * self.ratios()) - OFFSET
        levels: NDArray[np.uint8] = np.clip(np.rint(table), 0, 255).astype(np.uint8)[None]
        return levels


def apply_stain(image: Image, stain: StainCalibration) -> Image:
    """`image` (H, W, 3) uint8 BGR as it would look with the reference background and stain."""
    return cv2.LUT(image, stain.table())  # type: ignore[return-value]


def background_colour(image: Image) -> NDArray[np.float64]:
    """(3,) float64 BGR: colour of empty glass in a picture (H, W, 3) uint8.

    The brightest of three classes of the green channel (the channel that both red cells and nuclei absorb),
    found by Otsu's criterion for three classes (Liao, Chen, Chung 2001); black borders do not count.
    """
    pixels = _sample(image)
    green = pixels[:, 1]
    _, upper = _two_thresholds(np.bincount(green // (256 // _LEVELS), minlength=_LEVELS))
    bright = pixels[green >= min(upper * (256 // _LEVELS), int(green.max()))]
    glass: NDArray[np.float64] = np.median(bright, axis=0)
    return glass


def density(image: Image, background: NDArray[np.float64]) -> NDArray[np.float32]:
    """Absorbance (H, W, 3) float32, natural logarithm, of a picture (H, W, 3) uint8 against its background."""
    level = np.arange(256, dtype=np.float64)[:, None]
    table = -np.log((level + OFFSET) / (background + OFFSET))
    return cv2.LUT(image, table.astype(np.float32)[None])  # type: ignore[return-value]


def pool_stains(stains: list[StainCalibration]) -> StainCalibration | None:
    """The session's stain: the median of single pictures' stains, or None without any."""
    if not stains:
        return None
    b, g, r = (float(v) for v in np.median([s.background for s in stains], axis=0))
    nb, ng, nr = (float(v) for v in np.median([s.nucleus_od for s in stains], axis=0))
    return StainCalibration((b, g, r), (nb, ng, nr), looks=sum(s.looks for s in stains))


def darkest_class(absorbed: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(H, W) bool: the densest of three classes of green + red absorbance, the nuclei of a picture that has some."""
    total = np.clip(absorbed[..., 1] + absorbed[..., 2], 0, 4)
    bins = (total * ((_LEVELS - 1) / 4)).astype(np.intp)
    _, upper = _two_thresholds(np.bincount(bins.ravel(), minlength=_LEVELS))
    return bins >= upper


def _sample(image: Image) -> NDArray[np.uint8]:
    """(N, 3) uint8: a thinned picture as a list of pixels, without the black that pads some pictures."""
    step = max(1, min(image.shape[:2]) // _SAMPLE_SIDE)
    thinned = np.ascontiguousarray(image[::step, ::step])
    black = cv2.inRange(thinned, np.zeros(3), np.full(3, float(_BLACK))).ravel() > 0
    pixels = thinned.reshape(-1, 3)
    return pixels[~black] if black.any() and not black.all() else pixels


@cache
def _pairs(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Every pair of first bins that the second and third class may have, of so many bins."""
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
