"""Boxes of one colour that a program has painted into a picture, such as a logo's with its text: opaque, of any colour.

They are told by their four straight sides, which no cell has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.vision.optics.bars import FOREIGN
from hemato_edge.vision.optics.resizing import every
from hemato_edge.vision.optics.stain import median

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hemato_edge.values import Image

_BIN = 32
"""Levels by which colours are told apart."""
_ONE_COLOUR = 40
"""Levels from a box's colour, JPEG and letters included."""
_LETTER, _NARROWEST, _LEAST = 3, 3, 20
"""Samples that letters and a box are wide, and that a box covers."""
_STRAIGHT, _LARGEST = 0.8, 0.25
"""Share of each side of its bounding rectangle that a box fills, a disc less than half; share of a picture that it
covers at most."""
_GLANCE, _EVEN, _COLOURS, _LEAST_ALONE = 4, 6, 4, 60
"""Without a fault of colours: one in so many pixels is looked at each way; levels by which samples of a box differ from
their neighbours, beside letters; colours that are tried; samples that a box covers. Of 338 real pictures five had a
smaller one."""


def box_of(samples: NDArray[np.uint8], colour: NDArray[np.float64]) -> tuple[int, int, int, int] | None:
    """x, y, width, height of the largest box of about a colour, (3,), in a picture (h, w, 3); None without one."""
    alike = near(samples, colour, _ONE_COLOUR)
    whole = cv2.morphologyEx(alike, cv2.MORPH_CLOSE, np.ones((_LETTER, _LETTER), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(whole, connectivity=4)
    parts = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA])
    _, _, width, height, area = stats[parts].T
    possible = (area >= _LEAST) & (np.minimum(width, height) >= _NARROWEST) & (area <= _LARGEST * alike.size)
    for one, (x, y, width, height, _) in zip(parts[possible].tolist(), stats[parts[possible]].tolist(), strict=True):
        own = labels[y : y + height, x : x + width]
        sides = (own[0], own[-1], own[:, 0], own[:, -1])
        if all(np.count_nonzero(side == one) >= _STRAIGHT * len(side) for side in sides):
            return x, y, width, height
    return None


def near(picture: NDArray[np.uint8], colour: NDArray[np.float64], levels: float) -> NDArray[np.uint8]:
    """(h, w) uint8, 255 where no channel of a picture (h, w, 3) is more than so many levels from a colour, (3,)."""
    return np.asarray(cv2.inRange(picture, np.ceil(colour - levels), np.floor(colour + levels)), np.uint8)


def commonest(pixels: NDArray[np.uint8], number: int) -> Iterator[NDArray[np.float64]]:
    """The commonest colours, (3,) float64 each and at most so many, of pixels (N, 3) uint8, the first ones first."""
    channels = np.ascontiguousarray(pixels.T)
    coarse = (channels // _BIN).astype(np.uint16)
    bins = coarse[0] + (256 // _BIN) * (coarse[1] + (256 // _BIN) * coarse[2])
    counts = np.bincount(bins)
    values = np.flatnonzero(counts)
    for value in values[np.argsort(-counts[values])[:number]]:
        yield median(channels[:, bins == value], axis=1).astype(np.float64)


def find_painted(image: Image, glass: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """(H, W) bool: the painted boxes of a picture (H, W, 3) uint8 BGR, and what is written in them; None without any.

    Args:
        image: one picture.
        glass: (3,) BGR of empty glass in it; a box of its colour is not told.
    """
    small = every(image, _GLANCE)
    around = np.ones((3, 3), np.uint8)
    uneven = np.asarray(cv2.subtract(cv2.dilate(small, around), cv2.erode(small, around)), np.uint8)
    even = small[(near(uneven, np.zeros(3), _EVEN) > 0) & (near(small, glass, FOREIGN) == 0)]
    if len(even) < _LEAST:
        return None
    found = np.zeros(image.shape[:2], np.bool_)
    for colour in commonest(even, _COLOURS):
        box = box_of(small, colour)
        if box is not None and box[2] * box[3] >= _LEAST_ALONE:
            x, y, width, height = (_GLANCE * side for side in box)
            found[max(0, y - _GLANCE) : y + height + 1, max(0, x - _GLANCE) : x + width + 1] = True
    return found if found.any() else None
