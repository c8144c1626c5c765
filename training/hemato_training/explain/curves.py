"""Does a map name the pixels that matter? Deletion and insertion curves.

V. Petsiuk, A. Das and K. Saenko, "RISE: randomized input sampling for explanation of black-box models", BMVC 2018:
pixels are replaced by empty glass in the map's order, the most important first, or put back into empty glass in that
order. A good map lets the label's probability fall at once, or rise at once. A white cell lies in the middle of its
crop, so the order by distance from the middle is the figure to beat, not only the order by chance.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.special import softmax

from hemato_edge.vision.classify.occlusion import GLASS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.vision.classify.occlusion import Logits

STEPS = 16
"""Steps of a curve; each replaces the same number of pixels."""
_BLOCKS = 12
"""Blocks a side for the order by chance: single pixels would be noise, not missing parts."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Mean areas under the two curves for one order of the pixels, 0 to 1.

    Attributes:
        deletion: mean probability of the label while pixels go, the lower the better.
        deletion_interval: 95 %, from the spread over the images.
        insertion: mean probability of the label while pixels come, the higher the better.
        insertion_interval: 95 %, likewise.
    """

    deletion: float
    deletion_interval: tuple[float, float]
    insertion: float
    insertion_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curves:
    """A map's order of the pixels beside two that know nothing of the model.

    Attributes:
        images: how many.
        by_map: the map's order.
        by_middle: the nearest to the crop's middle first.
        by_chance: blocks in random order.
    """

    images: int
    by_map: Curve
    by_middle: Curve
    by_chance: Curve

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


def deletion_and_insertion(
    logits: Logits,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    maps: NDArray[np.float32],
    temperature: float = 1.0,
) -> Curves:
    """The areas under the curves of a map.

    Args:
        logits: of the model.
        images: (n, S, S, 3) uint8 RGB, prepared crops.
        labels: (n,) whose probability is followed.
        maps: (n, h, w) of what speaks for each label, any resolution.
        temperature: by which logits are divided.
    """
    size = images.shape[1]
    orders = {
        "by_map": [cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC) for one in maps],
        "by_middle": [_nearness(size)] * len(images),
        "by_chance": [_random_blocks(size, seed) for seed in range(len(images))],
    }
    found = {}
    for name, ranks in orders.items():
        areas = np.array(
            [
                _areas(logits, image, int(label), rank, temperature)
                for image, label, rank in zip(images, labels, ranks, strict=True)
            ]
        )
        (deletion, deletion_interval), (insertion, insertion_interval) = (_mean(own) for own in areas.T)
        found[name] = Curve(deletion, deletion_interval, insertion, insertion_interval)
    return Curves(len(images), **found)


def _areas(
    logits: Logits, image: NDArray[np.uint8], label: int, rank: NDArray[np.float32], temperature: float
) -> tuple[float, float]:
    """Areas under one image's deletion and insertion curves, by the trapezoid rule."""
    size = image.shape[0]
    place = np.empty(size * size, np.int64)
    place[np.argsort(-rank.ravel(), kind="stable")] = np.arange(size * size)
    ends = np.rint(np.linspace(0, size * size, STEPS + 1)).astype(int)
    first = (place[None] < ends[:, None]).reshape(-1, size, size, 1)
    glass = np.uint8(GLASS)
    changed = np.concatenate([np.where(first, glass, image[None]), np.where(first, image[None], glass)])
    probabilities = softmax(logits(changed).astype(np.float64) / temperature, axis=1)[:, label]
    gone, come = probabilities[: STEPS + 1], probabilities[STEPS + 1 :]
    return tuple(float(((own[1:] + own[:-1]) / 2).mean()) for own in (gone, come))  # type: ignore[return-value]


def _mean(values: NDArray[np.float64]) -> tuple[float, tuple[float, float]]:
    mean = float(values.mean())
    half = 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 1.0
    return mean, (max(mean - half, 0.0), min(mean + half, 1.0))


def _nearness(size: int) -> NDArray[np.float32]:
    away = np.abs(np.arange(size) - (size - 1) / 2)
    nearness: NDArray[np.float32] = -np.hypot(away[:, None], away[None]).astype(np.float32)
    return nearness


def _random_blocks(size: int, seed: int) -> NDArray[np.float32]:
    ranks = np.random.default_rng(seed).random((_BLOCKS, _BLOCKS))
    rows = np.arange(size) * _BLOCKS // size
    blocks: NDArray[np.float32] = ranks[rows][:, rows].astype(np.float32)
    return blocks
