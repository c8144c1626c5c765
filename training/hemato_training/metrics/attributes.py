"""Accuracy and macro F1 of predicted morphological attributes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import f1_score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class AttributeFigures:
    """One attribute, 0 to 1: accuracy, and mean F1 over its occurring values."""

    cells: int
    accuracy: float
    macro_f1: float

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


def logits_of_each(
    logits: NDArray[np.float32], values: Mapping[str, tuple[str, ...]]
) -> dict[str, NDArray[np.float32]]:
    """Attribute → its own logits (n, values), cut out of an output (n, values of all attributes)."""
    ends = np.cumsum([len(own) for own in values.values()])
    return dict(zip(values, np.split(logits, ends[:-1], axis=1), strict=True))


def attribute_figures(
    logits: NDArray[np.float32], answers: NDArray[np.int64], values: Mapping[str, tuple[str, ...]]
) -> dict[str, AttributeFigures]:
    """Attribute → figures.

    Args:
        logits: (n, values of all attributes) float32.
        answers: (n, attributes) int64, index of the true value of each.
        values: attribute → its values.

        ValueError: there is no cell.
        ValueError: if there is no cell.
    """
    if not len(answers):
        msg = "no cell to judge on"
        raise ValueError(msg)
    found = {}
    for (name, own), truth in zip(logits_of_each(logits, values).items(), answers.T, strict=True):
        given = own.argmax(axis=1)
        f1 = float(f1_score(truth, given, labels=np.unique(truth), average="macro", zero_division=0.0))
        found[name] = AttributeFigures(len(truth), float(np.mean(given == truth)), f1)
    return found
