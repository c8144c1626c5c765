"""A classifier's answers to morphological attributes and to the level below its classes, see `morphology`.

A classifier may have two more outputs, "attributes" and "subtypes": the logits of every value of every attribute, one
attribute after the other in the order of its card. They are answered independently of the name, so the two may
contradict each other: that is worth a look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.morphology import Attribute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.models.card import AttributeSpec, SubtypeSpec


def attributes_of(
    logits: NDArray[np.float32], specs: Sequence[AttributeSpec | SubtypeSpec]
) -> list[tuple[Attribute, ...]]:
    """The answers for cells, each in the order of the card.

    Args:
        logits: (n, values of all attributes) float32, one of the two outputs.
        specs: the card's attributes.
    """
    sizes = [len(spec.values) for spec in specs]
    starts = np.cumsum([0, *sizes[:-1]])
    scaled = logits.astype(np.float64) / np.repeat([spec.temperature for spec in specs], sizes)
    largest = np.maximum.reduceat(scaled, starts, axis=1)
    odds = np.add.reduceat(np.exp(scaled - np.repeat(largest, sizes, axis=1)), starts, axis=1)
    best = np.stack([scaled[:, i : i + size].argmax(axis=1) for i, size in zip(starts, sizes, strict=True)], axis=1)
    shares = (1 / odds).tolist()
    return [
        tuple(
            Attribute(spec.name, spec.values[index], share, spec.least, spec.of)
            for spec, index, share in zip(specs, *one, strict=True)
        )
        for one in zip(best.tolist(), shares, strict=True)
    ]
