"""Morphological attributes beside the name: the words in which a haematologist says why a cell is what it is.

A classifier may have one more output, the logits of every value of every attribute, one attribute after the other in
the order of its card. They are answered independently of the name, so the two may contradict each other: that is worth
a look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.models.card import AttributeSpec


@dataclass(frozen=True, slots=True)
class Attribute:
    """What a model says of one attribute of a cell.

    Attributes:
        name: of the attribute, such as "nucleus_shape".
        value: the most probable one, such as "segmented-bilobed".
        confidence: its calibrated probability.
    """

    name: str
    value: str
    confidence: float

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {"name": self.name, "value": self.value, "confidence": round(self.confidence, 4)}


def attributes_of(logits: NDArray[np.float32], specs: Sequence[AttributeSpec]) -> tuple[Attribute, ...]:
    """The answers for one cell, in the order of the card.

    Args:
        logits: (values of all attributes,) float32, one cell's output "attributes".
        specs: the card's attributes.
    """
    answers, start = [], 0
    for spec in specs:
        own = logits[start : start + len(spec.values)].astype(np.float64) / spec.temperature
        start += len(spec.values)
        odds = np.exp(own - own.max())
        best = int(own.argmax())
        answers.append(Attribute(spec.name, spec.values[best], float(odds[best] / odds.sum())))
    return tuple(answers)


def in_words(attributes: Sequence[Attribute], least: float = 0.5) -> str:
    """One line for a person: each attribute that is more likely than `least`, with its value."""
    sure = [one for one in attributes if one.confidence >= least]
    return ", ".join(f"{one.name.replace('_', ' ')}: {one.value} {one.confidence:.0%}" for one in sure)
