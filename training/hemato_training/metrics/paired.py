"""Which of two models is better, judged on the very same cells: McNemar's test, and a bootstrap over groups."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_training.metrics.bootstrap import Interval, interval, resample

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Paired:
    """Two models on the same cells.

    Attributes:
        cells: how many.
        groups: how many that are independent of each other.
        only_first: cells that the first alone names rightly.
        only_second: cells that the second alone names rightly.
        p_value: two-sided exact McNemar test (Q. McNemar 1947): how often two equally good models would differ so much
            on cells that were independent of each other. Where groups hold several cells, the interval counts instead.
        difference: accuracy of the second less that of the first.
        difference_interval: 95 %, by resampling whole groups.
    """

    cells: int
    groups: int
    only_first: int
    only_second: int
    p_value: float
    difference: float
    difference_interval: Interval

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


def paired(
    first: NDArray[np.bool_], second: NDArray[np.bool_], groups: NDArray[np.str_], strata: NDArray[np.str_]
) -> Paired:
    """Compare two models.

    Args:
        first: (n,) whether the first model names each cell rightly.
        second: (n,) the same of the second model.
        groups: (n,) what belongs together.
        strata: (n,) whose sizes a resample keeps.
    """
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    gain = second.astype(np.float64) - first
    drawn = resample(groups, strata)
    differences = (drawn @ gain) / drawn.sum(axis=1)
    return Paired(
        len(first),
        len(np.unique(groups)),
        only_first,
        only_second,
        mcnemar(only_first, only_second),
        float(gain.mean()),
        interval(differences),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided exact p-value: of the cells on which the models differ each has one chance in two."""
    total, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(total, k) for k in range(fewer + 1))
    return min(1.0, float(2 * tail / 2**total))
