"""Which part of a crop an answer rests on, by occlusion: what the answer loses when a square is replaced by glass.

M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014. It asks the model
some two hundred times a crop, so it is made on request. Unlike the activation map it follows a cell that is not in the
middle: docs/workstation/evaluate.md has the figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hemato_edge.vision.optics.stain import OFFSET, REFERENCE_LEVEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Logits: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    """Prepared crops (n, S, S, 3) uint8 RGB → logits (n, K) float32."""

GLASS = round(REFERENCE_LEVEL - OFFSET)
"""Level of empty glass in a prepared crop, in all channels."""
GRID, PATCH = 12, 3
"""Places a side of the map, and the side of the square that is replaced, in such places: a quarter of the crop, about a
lobe of a nucleus."""


def occlusion_maps(logits: Logits, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """How much a label's logit falls when the surroundings of a place are replaced by glass.

    Args:
        logits: of the model.
        images: (n, S, S, 3) uint8 RGB, prepared crops.
        labels: (n,) which logit is explained.

    Returns:
        (n, GRID, GRID) float32, logits: the mean fall over the squares that cover a place; negative where covering it
        makes the label likelier.
    """
    maps = np.zeros((len(images), GRID, GRID), np.float32)
    edges = np.rint(np.linspace(0, images.shape[1], GRID + 1)).astype(int)
    places = [(y, x) for y in range(1 - PATCH, GRID) for x in range(1 - PATCH, GRID)]
    times = np.zeros((GRID, GRID), np.float32)
    covered = [(slice(max(y, 0), min(y + PATCH, GRID)), slice(max(x, 0), min(x + PATCH, GRID))) for y, x in places]
    for rows, columns in covered:
        times[rows, columns] += 1
    for image, label, found in zip(images, labels, maps, strict=True):
        changed = np.repeat(image[None], len(covered) + 1, axis=0)
        for one, (rows, columns) in zip(changed[1:], covered, strict=True):
            one[edges[rows.start] : edges[rows.stop], edges[columns.start] : edges[columns.stop]] = GLASS
        answers = logits(changed)[:, label]
        for answer, (rows, columns) in zip(answers[1:], covered, strict=True):
            found[rows, columns] += answers[0] - answer
        found /= times
    return maps
