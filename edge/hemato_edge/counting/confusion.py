"""Percentages once the classifier's known confusions are taken back, with 95 % intervals that cover them.

A classifier that answers class j for a cell of class i with probability C[i, j] turns the true shares p into the
answered shares q = Cᵀp, so p = (Cᵀ)⁻¹q, kept among the shares that are possible: none negative, together one. Neither
q nor C is known exactly: both were counted. So counts and matrix are drawn many times from their posteriors, and the
2.5 % and 97.5 % quantiles of the resulting p are the interval. (For two classes: W. J. Rogan and B. Gladen, "Estimating
prevalence from the results of a screening test", American Journal of Epidemiology 107 (1978), 71-76.)

The matrix of a card counts the best guesses of all held-out cells, those below the rejection threshold included, so it
has more confusions than the answers that are given, and the interval is rather too wide than too narrow.

The prior is Jeffreys', half a cell in every place of counts and matrix (H. Jeffreys, Proceedings of the Royal Society
A 186 (1946), 453-461; that its intervals cover what they say on average: L. D. Brown, T. T. Cai and A. DasGupta,
"Interval estimation for a binomial proportion", Statistical Science 16 (2001), 101-133). A test simulates the coverage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DRAWS = 4000
"""The ends of the interval then stray by about 0.1 of its width from one seed to another."""
_PRIOR = 0.5
_SEED = 20
_QUANTILES = (0.025, 0.5, 0.975)


def corrected_percentages(
    machine: Sequence[int],
    reviewed: Sequence[int],
    confusion: Sequence[Sequence[int]],
    parts: int,
    draws: int = DRAWS,
) -> list[tuple[float, float, float]]:
    """(low, median, high) for every class, as percent of the first `parts` classes together.

    The same input always gives the same numbers.

    Args:
        machine: (K,) cells by the classifier's answer.
        reviewed: (K,) cells by what a person called them: no confusion applies to these.
        confusion: (K, K) cells, rows truth, columns answer; no empty row.
        parts: how many classes, from the first on, make up the whole.
        draws: how many resamples.
    """
    rng = np.random.default_rng(_SEED)
    answered, seen, matrix = (np.asarray(values, np.float64) for values in (machine, reviewed, confusion))
    # the prior belongs to the cells that were drawn from the blood, whoever named them, and enters once
    by_machine, by_person = (_PRIOR, 0.0) if answered.any() or not seen.any() else (0.0, _PRIOR)
    q = rng.standard_gamma(answered + by_machine, (draws, len(answered)))
    h = rng.standard_gamma(seen + by_person, (draws, len(answered)))
    weight = q.sum(axis=1, keepdims=True)
    true = h
    if answered.any():
        rows = rng.standard_gamma(np.broadcast_to(matrix + _PRIOR, (draws, *matrix.shape)))
        rows /= rows.sum(axis=2, keepdims=True)
        solved = np.linalg.solve(rows.transpose(0, 2, 1), (q / weight)[..., None])[..., 0]
        true = weight * _onto_simplex(solved) + h
    percent = 100 * true / np.maximum(true[:, :parts].sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    low, middle, high = np.quantile(percent, _QUANTILES, axis=0)
    return [(float(a), float(b), float(c)) for a, b, c in zip(low, middle, high, strict=True)]


def _onto_simplex(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest shares, none negative and together one, of each row of (n, K).

    J. Duchi et al., "Efficient projections onto the l1-ball for learning in high dimensions", ICML 2008.
    """
    falling = -np.sort(-points, axis=1)
    excess = np.cumsum(falling, axis=1) - 1
    places = np.arange(1, points.shape[1] + 1)
    kept = np.sum(falling - excess / places > 0, axis=1)
    shift = excess[np.arange(len(points)), kept - 1] / kept
    shares: NDArray[np.float64] = np.maximum(points - shift[:, None], 0)
    return shares
