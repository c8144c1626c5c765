"""Random views of training fields: another part, orientation, scale, stain, lamp and sharpness each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.vision.locate.windows import PADDING_LEVEL
from hemato_training.augment.field_appearance import another_look

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from hemato_edge.values import Image

ZOOM = (0.68, 1.4)
"""Bounds of the scale of a view, relative to the standard: red cells and objectives vary, estimates have errors."""
LEAST_SEEN = 0.35
"""A cell with a smaller visible share is neither cell nor background."""


@dataclass(frozen=True, slots=True)
class View:
    """A square part of a field.

    Attributes:
        image: (S, S, 3) uint8 BGR.
        boxes: (N, 4) float32 xyxy, pixels of the view, cut at its border.
        kinds: (N,) intp.
        doubtful: (M, 4) float32 xyxy, places that may be cells, with their kinds (M,).
    """

    image: Image
    boxes: NDArray[np.float32]
    kinds: NDArray[np.intp]
    doubtful: NDArray[np.float32]
    doubtful_kinds: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A field at training scale with its boxes.

    Attributes:
        image: (H, W, 3) uint8 BGR, background normalised.
        factor: pixels of a view at standard scale per pixel of `image`.
        boxes: (N, 4) float32 xyxy, pixels of `image`.
        kinds: (N,) intp.
        doubtful: (M, 4) float32 xyxy, possible unannotated cells; with their kinds (M,).
    """

    image: Image
    factor: float
    boxes: NDArray[np.float32]
    kinds: NDArray[np.intp]
    doubtful: NDArray[np.float32]
    doubtful_kinds: NDArray[np.intp]


def draw_view(field: Drawn, size: int, rng: Generator, strength: float) -> View:
    """One augmented view of a field, `size` pixels a side.

    Args:
        field: source of the view.
        size: side of the view.
        rng: source of all randomness.
        strength: of colour and sharpness changes, 0 to 1.
    """
    zoom = float(np.exp(rng.uniform(np.log(ZOOM[0]), np.log(ZOOM[1])))) * field.factor
    height, width = field.image.shape[:2]
    start = np.array([_start(width * zoom, size, rng), _start(height * zoom, size, rng)])
    matrix = np.array([[zoom, 0, start[0] + 0.5 * zoom - 0.5], [0, zoom, start[1] + 0.5 * zoom - 0.5]])
    piece = cv2.warpAffine(field.image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=(PADDING_LEVEL,) * 3)
    turns, flip = int(rng.integers(4)), bool(rng.random() < 0.5)
    piece = _turned(piece, turns, flip=flip)  # type: ignore[arg-type]
    boxes, seen = _cut(field.boxes * zoom + np.tile(start, 2), size)
    doubtful, some = _cut(field.doubtful * zoom + np.tile(start, 2), size)
    whole, partly = seen >= LEAST_SEEN, (seen > 0) & (seen < LEAST_SEEN)
    return View(
        another_look(piece, rng, strength),
        _turned_boxes(boxes[whole], size, turns, flip=flip),
        field.kinds[whole],
        _turned_boxes(np.concatenate([doubtful[some > 0], boxes[partly]]), size, turns, flip=flip),
        np.concatenate([field.doubtful_kinds[some > 0], field.kinds[partly]]),
    )


def _start(length: float, size: int, rng: Generator) -> float:
    """Start of the field in the view: a larger field fills it, a smaller one lies anywhere in it."""
    low, high = sorted((0.0, size - length))
    return float(rng.uniform(low, high))


def _cut(boxes: NDArray[np.float32], size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes clipped to the view, and the visible share of each."""
    inside = np.clip(boxes, 0, size).astype(np.float32)
    area = np.prod(np.maximum(inside[:, 2:] - inside[:, :2], 0), axis=1)
    whole = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return inside, np.asarray(area / np.maximum(whole, 1e-6), np.float32)


def _turned(image: Image, turns: int, *, flip: bool) -> Image:
    turned = np.rot90(image, turns)
    return np.ascontiguousarray(turned[:, ::-1] if flip else turned)


def _turned_boxes(boxes: NDArray[np.float32], size: int, turns: int, *, flip: bool) -> NDArray[np.float32]:
    """Boxes after counter-clockwise quarter turns of a square picture, then a left-right flip."""
    x0, y0, x1, y1 = boxes.T
    for _ in range(turns):
        x0, y0, x1, y1 = y0, size - x1, y1, size - x0
    if flip:
        x0, x1 = size - x1, size - x0
    return np.stack([x0, y0, x1, y1], axis=1)
