"""Platelets: small stained grains outside the white cells, judged by stain, size and surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.vision.locate.candidates import Candidates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.vision.optics.contrast import Contrast

SIZES = (0.12, 0.9)
"""Platelet diameters in red-cell diameters: from 0.9 µm to giant platelets almost the size of a red cell."""
STAIN_SHARE = 0.33
"""A platelet's outline is this share of the nuclear threshold: platelets stain less than nuclei."""
MARGIN = 0.07
"""Margin that annotators leave around the stained grain, in red-cell diameters (bccd, pbc_boxes training splits)."""
FEATURES = ("size", "area", "stain", "filled", "long", "around", "stain_around", "red_contrast", "cut")


def find_platelets(contrast: Contrast, white: NDArray[np.bool_], red: float) -> Candidates:
    """Candidates in a picture with red cells of `red` pixels; `white` (h, w) bool is covered by white cells."""
    mask = ((contrast.nuclear > STAIN_SHARE * contrast.threshold) & ~white).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    size = np.sqrt(stats[:, cv2.CC_STAT_AREA] * (4 / np.pi)) / red
    keep = (size > SIZES[0]) & (size < SIZES[1])
    keep[0] = False
    number = np.zeros(len(keep), np.int32)
    number[keep] = np.arange(1, np.count_nonzero(keep) + 1)
    stats = stats[keep]
    if not len(stats):
        return Candidates.none(len(FEATURES))
    low = stats[:, :2].astype(np.float32)
    high = low + stats[:, 2:4]
    boxes = np.concatenate([low - MARGIN * red, high + MARGIN * red], axis=1)
    return Candidates(boxes.astype(np.float32), _features(contrast, number[labels], stats, red))


def _features(
    contrast: Contrast, labels: NDArray[np.int32], stats: NDArray[np.int32], red: float
) -> NDArray[np.float64]:
    """(N, F) float64, in the order of `FEATURES`; densities in units of the red cells' density."""
    unit = contrast.red_density
    inside = labels
    wide = cv2.dilate(labels.astype(np.float32), np.ones((5, 5), np.uint8))
    ring = np.where(wide > 0, 0, cv2.dilate(labels.astype(np.float32), np.ones((7, 7), np.uint8))).astype(np.int32)
    count = len(stats)

    def mean(values: NDArray[np.float32], where: NDArray[np.int32]) -> NDArray[np.float64]:
        chosen = where > 0
        index = where[chosen]
        total = np.bincount(index, values[chosen], count + 1)[1:]
        return np.asarray(total / np.maximum(np.bincount(index, minlength=count + 1)[1:], 1)) / unit

    x, y, width, height, area = (stats[:, i].astype(float) for i in range(5))
    rows, columns = labels.shape
    size = np.sqrt(area * 4 / np.pi) / red
    red_light = np.ascontiguousarray(contrast.density[..., 2])
    cut = (x <= 0) | (y <= 0) | (x + width >= columns) | (y + height >= rows)
    return np.stack(
        [
            np.log(size),
            size**2,
            np.minimum(mean(contrast.nuclear, inside), 3),
            area / (width * height),
            np.log(np.maximum(width, height) / np.minimum(width, height)),
            mean(contrast.weight, ring),
            mean(np.abs(contrast.nuclear), ring),
            mean(red_light, inside) - mean(red_light, ring),
            cut.astype(float),
        ],
        axis=1,
    )
