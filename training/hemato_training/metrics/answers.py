"""A model's outputs for a set of cells, with their groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_training.metrics.calibration import softmax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_training.data.crops import Cells
    from hemato_training.data.records import Record


@dataclass(frozen=True, slots=True)
class Answers:
    """Logits with the true classes.

    Attributes:
        logits: (n, labels) float32.
        labels: (n,) int64, index into `labels.CLASSIFIER_LABELS`.
        laboratories: (n,) str.
        groups: (n,) str; cells of one group (a field, overlapping pictures) are not independent.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    laboratories: NDArray[np.str_]
    groups: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Answers:
        """The answers selected by `chosen` (boolean, or indices)."""
        return Answers(self.logits[chosen], self.labels[chosen], self.laboratories[chosen], self.groups[chosen])

    def probabilities(self, temperature: float) -> NDArray[np.float64]:
        """(n, labels) float64, calibrated."""
        return softmax(self.logits, temperature)

    @property
    def strata(self) -> NDArray[np.str_]:
        """(n,) str: laboratory and true class; resampling and halving preserve their sizes."""
        return np.char.add(np.char.add(self.laboratories.astype(str), "/"), self.labels.astype(str))


def answers_of(logits: NDArray[np.float32], cells: Cells, records: Sequence[Record]) -> Answers:
    """The answers, logits (n, labels), for `cells` cut from `records`, which have the groups."""
    groups = {(r.laboratory, r.key): r.group for r in records}
    found = [groups[str(name), str(key)] for name, key in zip(cells.laboratories, cells.keys, strict=True)]
    return Answers(logits, cells.labels, cells.laboratories, np.array(found, np.str_))
