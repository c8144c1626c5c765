"""Percentages once the classifier's known confusions are taken back, with 95 % intervals that cover them.

A classifier that answers class j for a cell of class i with probability C[i, j] turns the true shares p into the
answered shares q = Cᵀp, so p = (Cᵀ)⁻¹q, kept among the shares that are possible: none negative, together one. Neither
q nor C is known exactly: both were counted. So counts and matrix are drawn many times from their posteriors, and the
2.5 % and 97.5 % quantiles of the resulting p are the interval. (For two classes: W. J. Rogan and B. Gladen, "Estimating
prevalence from the results of a screening test", American Journal of Epidemiology 107 (1978), 71-76.)

Where only the matrix at home is known, it counts the best guesses of all held-out cells, those below the rejection
threshold included, so it has more confusions than the answers that are given. How much a microscope that was never
seen differs from home is not in it; that is in the matrices of laboratories that were left out, see `travelled`. One of
these may leave half of its lymphocytes without a name and few of its neutrophils, so what was answered is divided by
how much of each class is. Which laboratory this one resembles nobody knows before it is verified, but how much it
leaves unclassified in all is seen, and only how the classes share in that is drawn; see `_unverified`.

The prior is Jeffreys', half a cell in every place of counts and matrix (H. Jeffreys, Proceedings of the Royal Society
A 186 (1946), 453-461; that its intervals cover what they say on average: L. D. Brown, T. T. Cai and A. DasGupta,
"Interval estimation for a binomial proportion", Statistical Science 16 (2001), 101-133). A test simulates the coverage.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.counting.travelled import draw_travelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.counting.known_confusions import Confusions

DRAWS = 4000
"""The ends of the interval then stray by about 0.1 of its width from one seed to another."""
_PRIOR = 0.5
_SEED = 20
_QUANTILES = (0.025, 0.5, 0.975)
_LEAST_ANSWERED = 0.05
"""Of a class that is hardly ever answered, nothing can be reckoned back: 20 times what was answered at most."""
_SURE = 1e-3
"""Of every answer is taken for right: classes that a drawn matrix cannot tell apart then share what was answered."""
_NONE = 1e-9
_SILENT_CELLS = 50.0
"""A session's share of unclassified cells is believed as if it had been counted in so many: it differs from field to
field of one slide by more than chance."""
_LEAST_SILENT = 1e-4
_HALVINGS = 40


def corrected_percentages(
    machine: Sequence[int],
    reviewed: Sequence[int],
    confusions: Confusions,
    parts: int,
    unclassified: int = 0,
    draws: int = DRAWS,
) -> list[tuple[float, float, float]]:
    """(low, median, high) for every class, as percent of the first `parts` classes together.

    The same input always gives the same numbers.

    Args:
        machine: (K,) cells by the classifier's answer.
        reviewed: (K,) cells by what a person called them: no confusion applies to these.
        confusions: of the classifier; no empty row in `home`.
        parts: how many classes, from the first on, make up the whole.
        unclassified: cells that the classifier left without a name, and nobody named since.
        draws: how many resamples.
    """
    rng = np.random.default_rng(_SEED)
    answered, seen = (np.asarray(values, np.float64) for values in (machine, reviewed))
    # the prior belongs to the cells that were drawn from the blood, whoever named them, and enters once
    by_machine, by_person = (_PRIOR, 0.0) if answered.any() or not seen.any() else (0.0, _PRIOR)
    q = rng.standard_gamma(answered + by_machine, (draws, len(answered)))
    h = rng.standard_gamma(seen + by_person, (draws, len(answered)))
    weight = q.sum(axis=1, keepdims=True)
    true = h
    if answered.any():
        if confusions.abroad and not np.any(confusions.here):
            shares = _unverified(rng, confusions, q / weight, float(answered.sum()), unclassified)
        else:
            shares = _reckoned_back(q / weight, _drawn(rng, confusions, draws))
        true = weight * shares + h
    percent = 100 * true / true[:, :parts].sum(axis=1, keepdims=True)
    low, middle, high = np.quantile(percent, _QUANTILES, axis=0)
    return [(float(a), float(b), float(c)) for a, b, c in zip(low, middle, high, strict=True)]


def _drawn(rng: np.random.Generator, confusions: Confusions, draws: int) -> NDArray[np.float64]:
    """(draws, K, K) probabilities of the answers that are given; a row's rest to one is the cells not classified."""
    home = np.asarray(confusions.home, np.float64)
    if confusions.here:
        abroad = np.asarray(confusions.abroad, np.float64).reshape(-1, len(home), len(home) + 1)
        return draw_travelled(rng, home, abroad, np.asarray(confusions.here, np.float64), draws)[:, :, :-1]
    rows = rng.standard_gamma(np.broadcast_to(home + _PRIOR, (draws, *home.shape)))
    shares: NDArray[np.float64] = rows / rows.sum(axis=2, keepdims=True)
    return shares


def _unverified(
    rng: np.random.Generator, confusions: Confusions, q: NDArray[np.float64], answered: float, unclassified: int
) -> NDArray[np.float64]:
    """The true shares (draws, K) behind answered shares `q` (draws, K) of a microscope that nobody verified.

    How the answers that are given err, and how much of each class gets none, are drawn from the spread of the left-out
    laboratories; then the odds of getting none are multiplied, alike for all classes, until together as much is
    unclassified as was in this session.

    Args:
        rng: source of the draws.
        confusions: with `abroad`, and nothing of this microscope.
        q: see above.
        answered: cells that got a name.
        unclassified: cells that got none.
    """
    draws = len(q)
    named, silent = _strangers(confusions.home, confusions.abroad, draws)
    among = _behind(q, named)
    believed = min(1.0, _SILENT_CELLS / max(answered + unclassified, 1))
    share = rng.beta(believed * unclassified + _PRIOR, believed * answered + _PRIOR, (draws, 1))
    odds, all_over_named = silent / (1 - silent), 1 / (1 - np.clip(share, _NONE, 1 - _LEAST_SILENT))
    low, high = np.full((draws, 1), -30.0), np.full((draws, 1), 30.0)
    for _ in range(_HALVINGS):  # more cells than were named: one for each of these, and their odds
        middle = (low + high) / 2
        too_many = (among * (1 + odds * np.exp(middle))).sum(axis=1, keepdims=True) > all_over_named
        low, high = np.where(too_many, low, middle), np.where(too_many, middle, high)
    true = among * (1 + odds * np.exp(low))
    shares: NDArray[np.float64] = true / true.sum(axis=1, keepdims=True)
    return shares


@lru_cache(maxsize=2)  # of a model, not of a session's counts: a live table asks once a second
def _strangers(
    home: tuple[tuple[int, ...], ...], abroad: tuple[tuple[tuple[int, ...], ...], ...], draws: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Microscopes that the model never saw: (draws, K, K) answers among those given, (draws, K) shares without one."""
    rng = np.random.default_rng(_SEED + 1)
    at_home, elsewhere = np.asarray(home, np.float64), np.asarray(abroad, np.float64)
    nothing = np.zeros(elsewhere.shape[1:])
    given = np.concatenate([elsewhere[:, :, :-1], np.zeros((*elsewhere.shape[:2], 1))], axis=2)
    named = draw_travelled(rng, at_home, given, nothing, draws)[:, :, :-1]
    silent = draw_travelled(rng, at_home, elsewhere, nothing, draws)[:, :, -1]
    return named, np.clip(silent, _LEAST_SILENT, 1 - _LEAST_SILENT)


def _reckoned_back(q: NDArray[np.float64], matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """The true shares (n, K) behind answered shares `q` (n, K), by matrices (n, K, K) as `_drawn` gives them."""
    shares = _behind(q, matrices) / np.maximum(matrices.sum(axis=2), _LEAST_ANSWERED)
    true: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return true


def _behind(q: NDArray[np.float64], matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """The true shares (n, K) among the cells that got an answer, whose answers had the shares `q` (n, K)."""
    rows = (1 - _SURE) * matrices / matrices.sum(axis=2, keepdims=True) + _SURE * np.eye(q.shape[1])
    solved = np.linalg.solve(rows.transpose(0, 2, 1), q[..., None])[..., 0]
    shares = np.maximum(_onto_simplex(solved), _NONE)
    among: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return among


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
