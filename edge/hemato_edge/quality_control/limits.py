"""How far a control result lies from its baseline, in standard deviations: of measures, and of shares of cells."""

from __future__ import annotations

from math import erfc, exp, lgamma, log, sqrt
from statistics import NormalDist

FARTHEST = 10.0
"""Standard deviations; what lies farther is given as this."""
_NEGLIGIBLE = 1e-12
_NEAREST = 0.5
_LEAST_TAIL = erfc(FARTHEST / sqrt(2)) / 2


def measure_z(value: float, mean: float, deviation: float) -> float:
    """Of a measure, within ±`FARTHEST`.

    Raises:
        ValueError: the deviation is not above zero.
    """
    if deviation <= 0:
        msg = f"a deviation of {deviation} is no scale"
        raise ValueError(msg)
    return max(-FARTHEST, min(FARTHEST, (value - mean) / deviation))


def share_z(count: int, total: int, baseline_count: int, baseline_total: int) -> float:
    """Of a share of cells, within ±`FARTHEST`: the normal deviate with the result's probability under the baseline.

    The limits are those of counting: `count` of `total` cells is binomial, with a share that the baseline knows only
    by its own count, so that the prediction is the beta-binomial with Jeffreys' prior (A. Gelman et al., "Bayesian
    Data Analysis", 3rd ed., 2.4 and 2.8). Half of the probability of the result itself counts on either side (mid-P;
    H. O. Lancaster, JASA 56 (1961), 223-234), since counts are whole numbers. So a class of which the baseline had
    none, such as basophils, has limits, too. The whole number next to the expected one lies on the mean: else a rare
    class, of which most sessions have none, would lie on one side of it for ever. What is not covered: sessions that
    differ by more than counting.

    Raises:
        ValueError: not 0 ≤ count ≤ total, or the same of the baseline.
    """
    if not (0 <= count <= total and 0 <= baseline_count <= baseline_total):
        msg = f"{count} of {total} after {baseline_count} of {baseline_total} is no share"
        raise ValueError(msg)
    a, b = baseline_count + 0.5, baseline_total - baseline_count + 0.5
    if abs(count - total * a / (a + b)) <= _NEAREST:
        return 0.0
    here = _probability(count, total, a, b)
    below, term = 0.0, here
    for k in range(count, 0, -1):  # from k to k - 1, until nothing more comes
        term *= k * (b + total - k) / ((total - k + 1) * (a + k - 1))
        below += term
        if term < _NEGLIGIBLE * below and k < total * a / (a + b):
            break
    above, term = 0.0, here
    for k in range(count, total):
        term *= (total - k) * (a + k) / ((k + 1) * (b + total - k - 1))
        above += term
        if term < _NEGLIGIBLE * above and k > total * a / (a + b):
            break
    low, high = below + here / 2, above + here / 2
    deviate = NormalDist().inv_cdf(max(min(low, high) / max(low + high, _LEAST_TAIL), _LEAST_TAIL))
    return max(-FARTHEST, deviate) if low < high else min(FARTHEST, -deviate)


def _probability(count: int, total: int, a: float, b: float) -> float:
    """Of the beta-binomial distribution; never quite 0, so that sums that begin with it do not vanish."""
    chosen = lgamma(total + 1) - lgamma(count + 1) - lgamma(total - count + 1)
    whole = chosen + _log_beta(count + a, total - count + b) - _log_beta(a, b)
    return exp(max(whole, log(1e-300)))


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
