"""Comparison of two models on the same cells: McNemar's test, and a bootstrap over groups."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.evidence.bootstrap import Interval, interval, resample

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Paired:
    """Two models on the same cells.

    Attributes:
        cells: number of cells.
        groups: number of independent groups.
        only_first: cells that only the first classifies correctly.
        only_second: cells that only the second classifies correctly.
        p_value: two-sided exact McNemar test (Q. McNemar 1947), which assumes independent cells. If groups have several
            cells, use the interval instead.
        difference: accuracy of the second minus that of the first.
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
        first: (n,) bool, whether the first model classifies each cell correctly.
        second: (n,) bool, the same for the second model.
        groups: (n,) str, dependent cells share a group.
        strata: (n,) str, their sizes are preserved in resampling.
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
    """The two-sided exact p-value: under the null hypothesis each disagreement is a fair coin toss."""
    total, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(total, k) for k in range(fewer + 1))
    return min(1.0, float(2 * tail / 2**total))
