"""Exact 95 % confidence intervals of counts, binomial and Poisson, and Student's t. Pure arithmetic, without SciPy."""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma, log, log1p, sqrt

CONFIDENCE = 0.95
"""Two-sided level of the intervals."""
_RESOLUTION = 1e-12
_TINY = 1e-300
_EPSILON = 1e-15
_MOST_TERMS = 10_000


@lru_cache(maxsize=1024)  # a live table repeats the same ones
def clopper_pearson(count: float, total: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact binomial interval of `count` out of `total`, as proportions.

    Its ends are the proportions at which so few, or so many, have a tail probability of (1 - confidence) / 2:
    quantiles of beta distributions. C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial
    limits illustrated in the case of the binomial", Biometrika 26 (1934), 404-413. Weighted counts need not be whole.

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


@lru_cache(maxsize=256)
def poisson(count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact interval of the mean of a Poisson distribution, given `count` observed events.

    Quantiles of gamma distributions: F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28
    (1936), 437-442.

    Raises:
        ValueError: a negative count, or confidence not within 0 and 1.
    """
    if count < 0 or not 0 < confidence < 1:
        msg = f"no interval for {count} events at {confidence}"
        raise ValueError(msg)
    tail = (1 - confidence) / 2
    return (_gamma_quantile(tail, count) if count else 0.0), _gamma_quantile(1 - tail, count + 1)


def student_tail(t: float, freedom: int) -> float:
    """The probability that Student's t with so many degrees of freedom is above `t`: a beta tail (DLMF 8.17.4).

    W. S. Gosset ("Student"), "The probable error of a mean", Biometrika 6 (1908), 1-25.

    Raises:
        ValueError: less than one degree of freedom.
    """
    if freedom < 1:
        msg = f"no t distribution of {freedom} degrees of freedom"
        raise ValueError(msg)
    if not t:
        return 0.5
    beyond = _incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2
    return beyond if t > 0 else 1 - beyond


def _gamma_quantile(probability: float, a: float) -> float:
    """The x with P(a, x) = probability, by bisection; the bounds bracket it for 95 % and somewhat beyond."""
    low, high = 0.0, a + 20 * sqrt(a) + 40
    while high - low > _RESOLUTION * high:
        middle = (low + high) / 2
        if _incomplete_gamma(a, middle) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_gamma(a: float, x: float) -> float:
    """The regularised lower incomplete gamma function P(a, x) by its series (DLMF 8.11.4); all terms positive."""
    if x <= 0:
        return 0.0
    term = total = 1 / a
    for n in range(1, 100 * _MOST_TERMS):
        term *= x / (a + n)
        total += term
        if term < _EPSILON * total:
            return min(1.0, total * exp(a * log(x) - x - lgamma(a)))
    msg = f"the incomplete gamma function did not converge at a={a}, x={x}"
    raise ArithmeticError(msg)


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
    and I_x(a, b) = 1 - I_(1-x)(b, a) (8.17.4) maps every x there.
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
