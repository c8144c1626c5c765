"""Whether a series of sessions drifts: the Mann-Kendall test, and Theil and Sen's slope."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST = 10
"""Below, the normal approximation of the test is not good (Kendall 1975)."""
SIGNIFICANT = 0.01
"""Of three tests at every look, one in thirty looks then says drift where there is none."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A series' trend.

    Attributes:
        sessions: how many values.
        slope: change a session, in the values' unit.
        p: two-sided probability of a trend as strong where there is none.
        first, last: the fitted line at its ends.
    """

    sessions: int
    slope: float
    p: float
    first: float
    last: float

    @property
    def drifts(self) -> bool:
        """Whether there is more than chance."""
        return self.p < SIGNIFICANT


def trend(values: Sequence[float]) -> Trend | None:
    """The trend of values at equal steps, the oldest first; None for fewer than `LEAST`.

    H. B. Mann, Econometrica 13 (1945), 245-259; M. G. Kendall, "Rank Correlation Methods" (1975), with the variance for
    ties and the correction for continuity; P. K. Sen, JASA 63 (1968), 1379-1389. Both ask for no distribution, and
    single outliers do not move them. Values that hang on those before them make p too small.
    """
    n = len(values)
    if n < LEAST:
        return None
    pairs = [(i, j) for j in range(n) for i in range(j)]
    s = sum((values[j] > values[i]) - (values[j] < values[i]) for i, j in pairs)
    tied = sum(t * (t - 1) * (2 * t + 5) for t in Counter(values).values())
    variance = (n * (n - 1) * (2 * n + 5) - tied) / 18
    z = (abs(s) - 1) / sqrt(variance) if s and variance > 0 else 0.0
    slope = median((values[j] - values[i]) / (j - i) for i, j in pairs)
    first = median(value - slope * i for i, value in enumerate(values))
    return Trend(n, slope, 2 * (1 - NormalDist().cdf(z)), first, first + slope * (n - 1))


def sessions_until(found: Trend, limit: float) -> float | None:
    """Sessions until the line reaches `limit`; None where it does not go there."""
    left = limit - found.last
    return left / found.slope if found.slope and left / found.slope > 0 else None
