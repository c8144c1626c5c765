"""Whether a picture has the colours of a smear: a negative, or exchanged channels, are told for what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.vision.optics.painted import box_of, commonest
from hemato_edge.vision.optics.resizing import every
from hemato_edge.vision.optics.stain import level_counts, ranked_level

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_edge.vision.field_view import FieldView

NEGATIVE = "negative"
CHANNELS_SWAPPED = "channels_swapped"
NEGATIVE_LEVEL = 150.0
"""In a negative, glass is dark: the median of the brightest channel is under this. Of ten laboratories' fields the
darkest have 135."""
NEGATIVE_CELL_LEVEL = 100.0
"""The same of pictures of one cell, cut close: these have 116 and more."""
_NEGATIVE_SPAN = 1.2
"""And what is brighter than the median reaches so many times as far as what is darker: 1.0 and less in fields of ten
laboratories where the median is as dark."""
_SWAPPED_HUES = ((1.0, -0.15), (0.75, -0.25), (0.0, -0.5))
"""The densest things are nuclei where their green density is high, and absorb red, not blue: with a green density from
the first figure on, the difference of their red and blue densities over it is less than the second one only where the
channels are exchanged. Pale red cells alone reach -0.44."""
_GREEN_SHARE, _STAINED = 0.7, 0.3
"""What a smear's dyes stain most absorbs green: its green density is less than this share of another channel's only
where green itself was exchanged. Of eleven laboratories' pictures the least have 0.86. Rotated (green, blue, red for
red, green, blue) 93 to 100 of 100 pictures of nine of them are told, 76 of chula, which shows few nuclei, and none of
uganda_phone, which is hardly stained. Asked where that other density is at least the second figure: noise has no
colour."""
_DENSEST_SHARE, _GLASS_SHARE = 0.02, 0.9
_MOST_BOXES, _COLOURS = 3, 3
"""Painted boxes that are looked for, and colours among the densest pixels that may be theirs."""
_OFFSET = 8.0


def colour_fault(view: FieldView, negative_level: float = NEGATIVE_LEVEL) -> str | None:
    """`NEGATIVE` or `CHANNELS_SWAPPED`, or None for the colours of a smear.

    Args:
        view: a field, or a picture of one cell.
        negative_level: a median darker than this may be that of a negative.
    """
    thumbnail = every(view.at(view.thumbnail_factor), 2)
    fault = _fault(thumbnail, negative_level)
    left = np.ones(thumbnail.shape[:2], np.bool_)
    for _ in range(_MOST_BOXES):
        painted = _painted(thumbnail, left) if fault == CHANNELS_SWAPPED else None
        if painted is None:
            break
        left &= ~painted
        fault = _fault(thumbnail[left][:, None], negative_level)
    return fault


def _fault(thumbnail: NDArray[np.uint8], negative_level: float) -> str | None:
    """`colour_fault` of pixels (h, w, 3) uint8 BGR, in any order."""
    channels = [np.asarray(one, np.uint8) for one in cv2.split(thumbnail)]
    brightest = np.asarray(cv2.max(cv2.max(channels[0], channels[1]), channels[2]), np.uint8)
    counts = [level_counts(one) for one in channels]
    low, middle, high = (ranked_level(counts[1], share) for share in (_DENSEST_SHARE, 0.5, 1 - _DENSEST_SHARE))
    dark = ranked_level(level_counts(brightest), 0.5) < negative_level
    if dark and high - middle > _NEGATIVE_SPAN * max(middle - low, 1.0):
        return NEGATIVE
    pixels, (blue, green, red) = thumbnail.reshape(-1, 3), (one.ravel() for one in channels)
    glass = np.array([ranked_level(one, _GLASS_SHARE) for one in counts])
    absorbed = _density(pixels[green <= low], glass)
    reach = float(absorbed[1])
    hue = float(absorbed[2] - absorbed[0]) / max(reach, 0.05)
    if any(reach > least and hue < bound for least, bound in _SWAPPED_HUES):
        return CHANNELS_SWAPPED
    shares = ((np.arange(256)[:, None] + _OFFSET) / (glass + _OFFSET)).astype(np.float32).T
    left = np.minimum(np.minimum(shares[0][blue], shares[1][green]), shares[2][red])
    rank = int(_DENSEST_SHARE * (len(left) - 1))
    most = _density(pixels[left <= np.partition(left, rank)[rank]], glass)
    other = float(max(most[0], most[2]))
    return CHANNELS_SWAPPED if other > _STAINED and most[1] < _GREEN_SHARE * other else None


def _painted(pixels: Image, left: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """(h, w) bool: a box of one colour in a picture (h, w, 3), such as a logo's with its text; None without one.

    It may be the densest thing `left`, (h, w) bool.
    """
    there = pixels[left]
    for channels in (there[:, 1], there.min(axis=1)):
        for colour in commonest(there[channels <= np.percentile(channels, 100 * _DENSEST_SHARE)], _COLOURS):
            box = box_of(pixels, colour)
            if box is not None:
                x, y, width, height = box
                found = np.zeros(left.shape, np.bool_)
                found[max(0, y - 1) : y + height + 1, max(0, x - 1) : x + width + 1] = True
                return found if (found & left).any() else None
    return None


def _density(pixels: NDArray[np.uint8], glass: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) mean density of pixels (N, 3), natural logarithm, against glass, (3,), BGR."""
    return np.asarray(-np.log((pixels + _OFFSET) / (glass + _OFFSET)).mean(axis=0), np.float64)
