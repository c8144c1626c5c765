"""Agreement of the int8 model with the float model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WORST = 12
"""Number of cells that a report lists and shows."""


@dataclass(frozen=True, slots=True)
class Case:
    """A cell on which the two models differ most: its index, key, true class, and both answers."""

    index: int
    key: str
    truth: str
    float_answer: str
    int8_answer: str
    difference: float


@dataclass(frozen=True, slots=True)
class ParityReport:
    """Float against int8 on the same cells.

    Attributes:
        cells: number of cells.
        agreement: share with the same top label.
        float_accuracy: accuracy of the float model.
        int8_accuracy: accuracy of the int8 model.
        max_difference: largest difference of a logit.
        mean_difference: mean over cells of the largest difference of a logit.
        worst: disagreements first, then by difference.
    """

    cells: int
    agreement: float
    float_accuracy: float
    int8_accuracy: float
    max_difference: float
    mean_difference: float
    worst: tuple[Case, ...]


def compare(
    float_logits: NDArray[np.float32],
    int8_logits: NDArray[np.float32],
    truth: NDArray[np.int64],
    keys: Sequence[str],
    labels: Sequence[str],
) -> ParityReport:
    """Compare two models' logits (n, labels) for the same cells, with true classes (n,) and keys (n,)."""
    first, second = float_logits.argmax(axis=1), int8_logits.argmax(axis=1)
    difference = np.abs(float_logits - int8_logits).max(axis=1)
    order = np.lexsort((-difference, first == second))
    worst = tuple(
        Case(int(i), str(keys[i]), labels[truth[i]], labels[first[i]], labels[second[i]], float(difference[i]))
        for i in order[:WORST].tolist()
    )
    return ParityReport(
        cells=len(truth),
        agreement=float(np.mean(first == second)),
        float_accuracy=float(np.mean(first == truth)),
        int8_accuracy=float(np.mean(second == truth)),
        max_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        worst=worst,
    )
