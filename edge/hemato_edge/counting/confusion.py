"""Class percentages corrected for the classifier's known confusions, with 95 % intervals that cover them.

A classifier that answers class j for a cell of class i with probability C[i, j] turns the true shares p into the
answered shares q = Cᵀp, so p = (Cᵀ)⁻¹q, projected onto the simplex of shares. Neither q nor C is known exactly:
both are estimated from counts. So both are drawn many times from their posteriors, and the 2.5 % and 97.5 % quantiles
of the resulting p are the interval. (For two classes: W. J. Rogan and B. Gladen, "Estimating prevalence from the
results of a screening test", American Journal of Epidemiology 107 (1978), 71-76.)

Where only the in-distribution matrix is known, it counts the best guesses of all held-out cells, including those below
the rejection threshold, so it shows more confusions than the answers given. It does not tell how far another
microscope departs from the training distribution; the matrices of left-out laboratories do, see `laboratory_spread`.
One of these may leave half of its lymphocytes unclassified but few of its neutrophils, so the answers are divided by
the share of each class that is answered. Which laboratory this microscope resembles is unknown until it is verified,
but its overall unclassified share is observed; only how that share splits over the classes is drawn, see `_unverified`.

The prior is Jeffreys', half a cell in every entry of counts and matrix (H. Jeffreys, Proceedings of the Royal Society
A 186 (1946), 453-461; on the coverage of its intervals: L. D. Brown, T. T. Cai and A. DasGupta, "Interval estimation
for a binomial proportion", Statistical Science 16 (2001), 101-133). A test simulates the coverage.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.counting.laboratory_spread import draw_confusions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.counting.known_confusions import Confusions

DRAWS = 4000
"""The interval's ends then vary by about 0.1 of its width from one seed to another."""
_PRIOR = 0.5
_SEED = 20
_QUANTILES = (0.025, 0.5, 0.975)
_LEAST_ANSWERED = 0.05
"""Answered share of a class, at least: a class that is hardly ever answered is scaled up by 20 times at most."""
_SURE = 1e-3
"""Share of every answer taken as right: classes that a drawn matrix cannot separate then split what was answered."""
_NONE = 1e-9
_UNCLASSIFIED_CELLS = 50.0
"""Largest effective sample size of a session's unclassified share: it varies more than chance between fields."""
_LEAST_UNCLASSIFIED = 1e-4
_HALVINGS = 40


def corrected_percentages(
    machine: Sequence[int],
    reviewed: Sequence[int],
    confusions: Confusions,
    parts: int,
    unclassified: int = 0,
    draws: int = DRAWS,
) -> list[tuple[float, float, float]]:
    """(low, median, high) of every class, in percent of the first `parts` classes together.

    Deterministic: the same input always gives the same numbers.

    Args:
        machine: (K,) cells by the classifier's answer.
        reviewed: (K,) cells by the reviewer's label: no confusion applies to these.
        confusions: of the classifier; no empty row in `in_distribution`.
        parts: number of leading classes that make up 100 %.
        unclassified: cells that neither classifier nor reviewer named.
        draws: number of samples.
    """
    rng = np.random.default_rng(_SEED)
    answered, seen = (np.asarray(values, np.float64) for values in (machine, reviewed))
    # the prior belongs to the cells sampled from the blood, whoever named them, so it enters once
    by_machine, by_person = (_PRIOR, 0.0) if answered.any() or not seen.any() else (0.0, _PRIOR)
    q = rng.standard_gamma(answered + by_machine, (draws, len(answered)))
    h = rng.standard_gamma(seen + by_person, (draws, len(answered)))
    weight = q.sum(axis=1, keepdims=True)
    true = h
    if answered.any():
        if confusions.left_out and not np.any(confusions.verified):
            shares = _unverified(rng, confusions, q / weight, float(answered.sum()), unclassified)
        else:
            shares = _true_shares(q / weight, _drawn(rng, confusions, draws))
        true = weight * shares + h
    percent = 100 * true / true[:, :parts].sum(axis=1, keepdims=True)
    low, middle, high = np.quantile(percent, _QUANTILES, axis=0)
    return [(float(a), float(b), float(c)) for a, b, c in zip(low, middle, high, strict=True)]


def _drawn(rng: np.random.Generator, confusions: Confusions, draws: int) -> NDArray[np.float64]:
    """(draws, K, K) probabilities of each class as answer; what a row lacks to 1 is unclassified."""
    inside = np.asarray(confusions.in_distribution, np.float64)
    if confusions.verified:
        left_out = np.asarray(confusions.left_out, np.float64).reshape(-1, len(inside), len(inside) + 1)
        return draw_confusions(rng, inside, left_out, np.asarray(confusions.verified, np.float64), draws)[:, :, :-1]
    rows = rng.standard_gamma(np.broadcast_to(inside + _PRIOR, (draws, *inside.shape)))
    shares: NDArray[np.float64] = rows / rows.sum(axis=2, keepdims=True)
    return shares


def _unverified(
    rng: np.random.Generator, confusions: Confusions, q: NDArray[np.float64], answered: float, unclassified: int
) -> NDArray[np.float64]:
    """The true shares (draws, K) behind answered shares `q` (draws, K) of an unverified microscope.

    Confusions and unclassified shares per class are drawn from the spread of the left-out laboratories; then the odds
    of being unclassified are scaled, alike for all classes, until the overall share matches this session's.

    Args:
        rng: source of the draws.
        confusions: with `left_out`, without `verified`.
        q: (draws, K) answered shares.
        answered: cells with a class.
        unclassified: cells without.
    """
    draws = len(q)
    named, unnamed = _unseen_microscopes(confusions.in_distribution, confusions.left_out, draws)
    among = _answered_shares(q, named)
    believed = min(1.0, _UNCLASSIFIED_CELLS / max(answered + unclassified, 1))
    share = rng.beta(believed * unclassified + _PRIOR, believed * answered + _PRIOR, (draws, 1))
    odds, all_over_named = unnamed / (1 - unnamed), 1 / (1 - np.clip(share, _NONE, 1 - _LEAST_UNCLASSIFIED))
    low, high = np.full((draws, 1), -30.0), np.full((draws, 1), 30.0)
    for _ in range(_HALVINGS):  # cells per named cell: 1 plus the odds of being unclassified
        middle = (low + high) / 2
        too_many = (among * (1 + odds * np.exp(middle))).sum(axis=1, keepdims=True) > all_over_named
        low, high = np.where(too_many, low, middle), np.where(too_many, middle, high)
    true = among * (1 + odds * np.exp(low))
    shares: NDArray[np.float64] = true / true.sum(axis=1, keepdims=True)
    return shares


@lru_cache(maxsize=2)  # depends on the model, not on a session's counts: a live table asks every second
def _unseen_microscopes(
    inside: tuple[tuple[int, ...], ...], left_out: tuple[tuple[tuple[int, ...], ...], ...], draws: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of microscopes outside the training data: (draws, K, K) confusions of given answers, (draws, K) unclassified."""
    rng = np.random.default_rng(_SEED + 1)
    trained, elsewhere = np.asarray(inside, np.float64), np.asarray(left_out, np.float64)
    nothing = np.zeros(elsewhere.shape[1:])
    given = np.concatenate([elsewhere[:, :, :-1], np.zeros((*elsewhere.shape[:2], 1))], axis=2)
    named = draw_confusions(rng, trained, given, nothing, draws)[:, :, :-1]
    unnamed = draw_confusions(rng, trained, elsewhere, nothing, draws)[:, :, -1]
    return named, np.clip(unnamed, _LEAST_UNCLASSIFIED, 1 - _LEAST_UNCLASSIFIED)


def _true_shares(q: NDArray[np.float64], matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """The true shares (n, K) behind answered shares `q` (n, K), given matrices (n, K, K) from `_drawn`."""
    shares = _answered_shares(q, matrices) / np.maximum(matrices.sum(axis=2), _LEAST_ANSWERED)
    true: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return true


def _answered_shares(q: NDArray[np.float64], matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """The true shares (n, K) among the answered cells, given the shares `q` (n, K) of the answers."""
    rows = (1 - _SURE) * matrices / matrices.sum(axis=2, keepdims=True) + _SURE * np.eye(q.shape[1])
    solved = np.linalg.solve(rows.transpose(0, 2, 1), q[..., None])[..., 0]
    shares = np.maximum(_onto_simplex(solved), _NONE)
    among: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return among


def _onto_simplex(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Euclidean projection of each row of (n, K) onto the probability simplex.

    J. Duchi et al., "Efficient projections onto the l1-ball for learning in high dimensions", ICML 2008.
    """
    falling = -np.sort(-points, axis=1)
    excess = np.cumsum(falling, axis=1) - 1
    places = np.arange(1, points.shape[1] + 1)
    kept = np.sum(falling - excess / places > 0, axis=1)
    shift = excess[np.arange(len(points)), kept - 1] / kept
    shares: NDArray[np.float64] = np.maximum(points - shift[:, None], 0)
    return shares
