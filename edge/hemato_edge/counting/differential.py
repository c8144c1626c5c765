"""The white-cell differential: percent of each class with its exact 95 % interval. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, lgamma, log, log1p
from typing import TYPE_CHECKING

from hemato_edge.labels import CLASSIFIER_LABELS, ERYTHROBLAST, LEUKOCYTES, UNCLASSIFIED

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIDENCE = 0.95
"""Two-sided level of the intervals."""
_RESOLUTION = 1e-12
_TINY = 1e-300
_EPSILON = 1e-15
_MOST_TERMS = 10_000


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class of white cell.

    Attributes:
        label: one of `labels.LEUKOCYTES`.
        count: cells.
        percent: of the classified white cells, 0 to 100; None without any.
        ci_low, ci_high: 95 % Clopper-Pearson interval of `percent`; None without any classified cell.
            It covers the chance of which cells came under the lens, not the classifier's own errors.
    """

    label: str
    count: int
    percent: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, slots=True)
class Differential:
    """The differential of one session.

    Attributes:
        rows: one a class, in the order of `labels.LEUKOCYTES`; classes that were not seen included.
        classified: white cells with a class: what the percentages are of.
        unclassified: cells whose class the classifier would not name.
        erythroblasts: nucleated red cells; not white cells, and in no percentage.
    """

    rows: tuple[ClassRow, ...]
    classified: int
    unclassified: int
    erythroblasts: int

    @property
    def erythroblasts_per_100(self) -> float | None:
        """Nucleated red cells per 100 classified white cells; None without white cells."""
        return 100 * self.erythroblasts / self.classified if self.classified else None

    @property
    def white_count_factor(self) -> float | None:
        """What to multiply a total nucleated-cell count with to get the white count: 100 / (100 + NRBC per 100 WBC).

        For counters that take nucleated red cells for white ones; None without white cells.
        """
        per_100 = self.erythroblasts_per_100
        return None if per_100 is None else 100 / (100 + per_100)


def differential(labels: Mapping[str, int]) -> Differential:
    """The differential of counts by label.

    Args:
        labels: the classifier's answers → cells; platelets among them are left out.

    Raises:
        ValueError: a label that nobody answers, or a negative count.
    """
    unknown = set(labels) - {*CLASSIFIER_LABELS, UNCLASSIFIED}
    if unknown or any(count < 0 for count in labels.values()):
        msg = f"not counts of cells by label: {dict(labels)}"
        raise ValueError(msg)
    counts = {label: labels.get(label, 0) for label in LEUKOCYTES}
    classified = sum(counts.values())
    return Differential(
        rows=tuple(_row(label, count, classified) for label, count in counts.items()),
        classified=classified,
        unclassified=labels.get(UNCLASSIFIED, 0),
        erythroblasts=labels.get(ERYTHROBLAST, 0),
    )


def _row(label: str, count: int, classified: int) -> ClassRow:
    if not classified:
        return ClassRow(label, count, None, None, None)
    low, high = clopper_pearson(count, classified)
    return ClassRow(label, count, 100 * count / classified, 100 * low, 100 * high)


@lru_cache(maxsize=1024)  # a live table asks for the same ones again and again
def clopper_pearson(count: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact binomial interval of `count` out of `total`, as proportions.

    Its ends are those proportions at which so few, or so many, are just probable with (1 - confidence) / 2:
    quantiles of beta distributions. C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial
    limits illustrated in the case of the binomial", Biometrika 26 (1934), 404-413.

    Raises:
        ValueError: not 0 ≤ count ≤ total, total 0, or confidence not within 0 and 1.
    """
    if not (0 <= count <= total and total > 0 and 0 < confidence < 1):
        msg = f"no interval for {count} of {total} at {confidence}"
        raise ValueError(msg)
    tail = (1 - confidence) / 2
    low = _beta_quantile(tail, count, total - count + 1) if count else 0.0
    high = _beta_quantile(1 - tail, count + 1, total - count) if count < total else 1.0
    return low, high


def _beta_quantile(probability: float, a: float, b: float) -> float:
    """The x with I_x(a, b) = probability, by bisection: I_x grows with x."""
    low, high = 0.0, 1.0
    while high - low > _RESOLUTION:
        middle = (low + high) / 2
        if _incomplete_beta(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b) for 0 < x < 1, by its continued fraction.

    NIST Digital Library of Mathematical Functions, 8.17.22; it converges quickly for x < (a + 1) / (a + b + 2),
    and I_x(a, b) = 1 - I_(1-x)(b, a) (8.17.4) brings every x there.
    """
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    return front / _continued_fraction(x, a, b)


def _continued_fraction(x: float, a: float, b: float) -> float:
    """1 + d₁/(1 + d₂/(1 + …)) of DLMF 8.17.22 by the modified Lentz method (W. J. Lentz, Applied Optics 15 (1976))."""
    value = c = 1.0
    d = 0.0
    for n in range(1, _MOST_TERMS):
        m = n // 2
        if n % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / ((1 + term * d) or _TINY)
        c = (1 + term / c) or _TINY
        value *= c * d
        if abs(c * d - 1) < _EPSILON:
            return value
    msg = f"the incomplete beta function did not converge at x={x}, a={a}, b={b}"
    raise ArithmeticError(msg)
