"""Cells of no known class, drawn from known ones: what a classifier should not name.

No laboratory that may be trained on has blasts or smudge cells. These stand in for them: a lymphocyte or erythroblast
enlarged until its nucleus fills the cell, with soft chromatin; a nucleus torn out of shape; a pale spread of chromatin
with a ragged edge; two cells that lie on one another. They are made in one picture's own stain, so that augmentation
and the stain table treat them as any cell of that laboratory. They look only roughly like what they stand for: enough
to learn where the known cells end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import CLASSIFIER_LABELS, PLATELET_LABEL
from hemato_edge.vision.optics.stain import OFFSET

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_training.data.crops import Cells

KINDS = {"enlarged": 0.4, "torn": 0.25, "spread": 0.2, "overlapping": 0.15}
"""Kind of drawn stranger → its share."""
ENLARGED = {"lymphocyte": (1.4, 1.9), "erythroblast": (1.7, 2.4)}
"""Class of round nuclei → range of the factor by which a cell is enlarged."""
_GRAINS = ((6, 0.35), (14, 0.3), (34, 0.3), (84, 0.25))
"""Texture of spread chromatin: cells of a grid over the picture, and its weight."""
_CORNERS = 64


def draw_stranger(cells: Cells, rng: Generator) -> tuple[Image, int]:
    """One drawn stranger, and the index of the cell whose stain calibration it has.

    Args:
        cells: crops with margin, of at least one laboratory with nucleated cells.
        rng: source of all randomness.

    Returns:
        (M, M, 3) uint8 BGR as from the camera, the stranger in its centre.

    Raises:
        ValueError: no cell has a nucleus.
    """
    nucleated = np.flatnonzero(cells.labels != CLASSIFIER_LABELS.index(PLATELET_LABEL))
    if not len(nucleated):
        msg = "strangers are drawn from nucleated cells, and there is none"
        raise ValueError(msg)
    kind = rng.choice(list(KINDS), p=list(KINDS.values()))
    round_ones = np.flatnonzero(np.isin(cells.labels, [CLASSIFIER_LABELS.index(name) for name in ENLARGED]))
    if kind == "enlarged" and len(round_ones):
        one = int(rng.choice(round_ones))
        return enlarged(cells.crops[one], CLASSIFIER_LABELS[cells.labels[one]], cells.glass[one], rng), one
    one = int(rng.choice(nucleated))
    crop, glass = cells.crops[one], cells.glass[one]
    if kind == "spread":
        return spread(crop, glass, rng), one
    if kind == "overlapping":
        same = nucleated[cells.laboratories[nucleated] == cells.laboratories[one]]
        return overlapping(crop, cells.crops[int(rng.choice(same))], glass, rng), one
    return torn(crop, glass, rng), one


def enlarged(crop: Image, label: str, glass: NDArray[np.float64], rng: Generator) -> Image:
    """A cell (M, M, 3) of the class `label` as large as a blast, its chromatin soft and often pale."""
    large = warped(stretched(crop, rng.uniform(*ENLARGED[label]), 0.12, rng), rng.uniform(0, 4), 5, rng)
    soft = np.asarray(cv2.GaussianBlur(large, (0, 0), rng.uniform(0.6, 2.2)), np.uint8)
    return paler(soft, glass, rng.uniform(0.6, 0.95)) if rng.random() < 0.5 else soft


def torn(crop: Image, glass: NDArray[np.float64], rng: Generator) -> Image:
    """A cell (M, M, 3) pulled out of shape, blurred and pale."""
    large = stretched(crop, rng.uniform(1.0, 1.8), 0.3, rng)
    pulled = warped(warped(large, rng.uniform(8, 22), int(rng.integers(4, 9)), rng), rng.uniform(0, 6), 14, rng)
    return paler(cv2.GaussianBlur(pulled, (0, 0), rng.uniform(0.8, 3)), glass, rng.uniform(0.45, 0.9))  # type: ignore[arg-type]


def spread(crop: Image, glass: NDArray[np.float64], rng: Generator) -> Image:
    """Chromatin in the colour of a cell's nucleus (M, M, 3), spread out ragged and fibrous over what lies around it."""
    side = crop.shape[0]
    middle = crop[side * 3 // 10 : side * 7 // 10, side * 3 // 10 : side * 7 // 10].reshape(-1, 3).astype(np.float32)
    darkest = middle[np.argsort(middle.sum(axis=1))[: len(middle) // 6]].mean(axis=0)
    nucleus = -np.log((darkest + OFFSET) / (glass + OFFSET))
    chromatin = np.clip(1 + rng.uniform(0.2, 0.6) * _fibres(side, rng), 0.05, 2.2) * _ragged(side, rng)
    around = np.broadcast_to(glass.astype(np.float32), crop.shape)
    if rng.random() < 0.6:
        around = shifted(crop, rng.uniform(0.36, 0.5) * side, rng.uniform(0, 2 * np.pi)).astype(np.float32)
    absorbed = (rng.uniform(0.3, 0.8) * chromatin)[..., None] * nucleus
    return np.clip((around + OFFSET) * np.exp(-absorbed) - OFFSET, 0, 255).astype(np.uint8)  # type: ignore[no-any-return]


def overlapping(crop: Image, other: Image, glass: NDArray[np.float64], rng: Generator) -> Image:
    """Two cells (M, M, 3) of one laboratory on one another: what both let through."""
    apart, direction = rng.uniform(0.11, 0.27) * crop.shape[0], rng.uniform(0, 2 * np.pi)
    first, second = (
        shifted(one, half * apart, direction).astype(np.float64) for one, half in ((crop, 0.5), (other, -0.5))
    )
    return np.clip(first * second / np.maximum(glass, 1), 0, 255).astype(np.uint8)  # type: ignore[no-any-return]


def stretched(crop: Image, zoom: float, uneven: float, rng: Generator) -> Image:
    """The crop (M, M, 3) enlarged about its centre, by another factor (log-normal, `uneven`) along a random axis."""
    middle = (crop.shape[0] - 1) / 2
    turn = cv2.getRotationMatrix2D((0, 0), rng.uniform(0, 180), 1.0)[:, :2]
    ratio = float(np.exp(rng.normal(0, uneven)))
    matrix = turn.T @ np.diag([zoom * ratio, zoom / ratio]) @ turn
    offset = np.full(2, middle) - matrix @ np.full(2, middle)
    return _moved(crop, np.column_stack([matrix, offset]))


def shifted(crop: Image, distance: float, direction: float) -> Image:
    """The crop (M, M, 3) moved by `distance` pixels in `direction`, radians."""
    x, y = distance * np.cos(direction), distance * np.sin(direction)
    return _moved(crop, np.array([[1.0, 0.0, x], [0.0, 1.0, y]]))


def warped(crop: Image, amplitude: float, grain: int, rng: Generator) -> Image:
    """The crop (M, M, 3) under a smooth random displacement: `amplitude` pixels on a grid of `grain` × `grain`."""
    side = crop.shape[0]
    across, down = (
        cv2.resize(rng.standard_normal((grain, grain), np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
        for _ in range(2)
    )
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    return cv2.remap(  # type: ignore[return-value]
        crop, columns + across * amplitude, rows + down * amplitude, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def paler(crop: Image, glass: NDArray[np.float64], share: float) -> Image:
    """The crop (M, M, 3) with only this share of its difference from empty glass."""
    return np.clip(glass - (glass - crop) * share, 0, 255).astype(np.uint8)


def _moved(crop: Image, matrix: NDArray[np.float64]) -> Image:
    side = crop.shape[0]
    return cv2.warpAffine(  # type: ignore[return-value]
        crop, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def _ragged(side: int, rng: Generator) -> NDArray[np.float32]:
    """(side, side) float32, 1 inside of a ragged patch about the centre, with a soft edge."""
    angles = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    waves = [rng.normal(0, 0.32 / k) * np.cos(k * angles + rng.uniform(0, 2 * np.pi)) for k in range(1, 8)]
    radius = np.clip(rng.uniform(0.14, 0.37) * (1 + sum(waves)), 0.05, 0.5) * side
    ratio = float(np.exp(rng.normal(0, 0.25)))
    corners = side / 2 + np.stack([radius * np.cos(angles) * ratio, radius * np.sin(angles) / ratio], axis=1)
    patch = np.zeros((side, side), np.float32)
    cv2.fillPoly(patch, [np.round(corners).astype(np.int32)], [1.0])
    return cv2.GaussianBlur(patch, (0, 0), rng.uniform(1, 7))  # type: ignore[return-value]


def _fibres(side: int, rng: Generator) -> NDArray[np.float32]:
    """(side, side) float32 about 0: texture of several grains, drawn out along one direction in half of the cases."""
    texture = np.zeros((side, side), np.float32)
    for grain, weight in _GRAINS:
        noise = rng.standard_normal((grain, grain), np.float32)
        texture += weight * cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.5:
        line = np.zeros((15, 15), np.float32)
        cv2.line(line, (0, int(rng.integers(15))), (14, int(rng.integers(15))), [1.0])
        line = line if rng.random() < 0.5 else line.T.copy()
        texture = 2 * cv2.filter2D(texture, -1, line / line.sum())
    return texture
