"""Whether a head's answers are better than the shipped ones, on cells that it did not learn from.

Compared is the Brier score (G. W. Brier, Monthly Weather Review 78 (1950), 1-3), cell by cell: unlike a count of
changed answers it also weighs how sure each answer was, and unlike the logarithm of the probability it is bounded, so
that no single cell decides. It also rewards answers that are merely less confident, which is no gain here, since the
threshold is set anew for the same coverage: so both sides are recalibrated by a temperature of their own first. A
class weighs the square root of how often it occurs, so that a head does not pay for its gain with a rare class. What
each of these does for the proof is in docs/results/site.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.counting.intervals import student_tail
from hemato_edge.models.temperature import calibrated

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Score = Callable[[NDArray[np.float32], NDArray[np.int64]], Floats]
    """Score of probabilities (n, K) by labels (n,): (n,), 0 is best."""

_TEMPERATURES = np.append(np.geomspace(1 / 8, 8, 61), np.inf)
"""Of which the best is taken, the last one for answers that tell nothing: a tenth more or less moves no score by a
hundredth of itself."""
LEAST_GAIN = 1e-3
"""Of the score, in the mean; a sure answer that turns right in one of two thousand cells gives as much."""
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Gain:
    """What a head gains over the shipped answers.

    Attributes:
        mean: of the Brier score, -2 to 2; above 0 the head is better.
        chance: how often chance alone gives such a mean or a higher one, 0 to 1; 1 where it is no gain.
    """

    mean: float
    chance: float


def gain(
    shipped: NDArray[np.float32],
    own: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[Any],
    weights: Floats | None = None,
) -> Gain:
    """The gain of answers `own` over `shipped`, both (n, K) probabilities of the same cells.

    Args:
        shipped: (n, K) float32.
        own: (n, K) float32.
        labels: (n,) int64, the truth.
        groups: (n,) cells of one group are alike: slides, or fields.
        weights: (n,) how many cells each stands for; one each where it is None.
    """
    share = shares(labels, np.ones(len(labels)) if weights is None else weights)
    before, after = (recalibrated(answers, labels, share, brier) for answers in (shipped, own))
    return gain_of(before - after, groups, share)


def shares(labels: NDArray[np.int64], weights: Floats) -> Floats:
    """(n,) of sum 1: weights (n,) over the root of those of all cells of the same class."""
    each = weights / np.sqrt(np.bincount(labels, weights))[labels]
    share: Floats = each / each.sum()
    return share


def gain_of(better: Floats, groups: NDArray[Any], share: Floats) -> Gain:
    """The mean of how much `better` (n,) each cell is judged, and its chance: Student's t over groups, one-sided.

    A cell counts for as many as it stands for, but where both answers agree it adds nothing to the uncertainty, however
    heavy it is (the linearised variance between first-stage units: D. A. Binder, International Statistical Review 51
    (1983), 279-292).

    Args:
        better: (n,) difference of the scores, above 0 where the head is better.
        groups: (n,) as `gain`.
        share: (n,) of the weight, of sum 1.
    """
    mean = float(share @ better)
    _, place = np.unique(groups, return_inverse=True)
    number = int(place.max()) + 1
    spread = np.bincount(place, share * (better - mean))
    if number < 2 or mean < LEAST_GAIN:
        return Gain(mean, 1.0)
    error = float(np.sqrt(number / (number - 1) * (spread**2).sum()))
    return Gain(mean, student_tail(mean / max(error, _LEAST), number - 1))


def brier(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> Floats:
    """(n,) the Brier score of probabilities (n, K): 0, best, to 2."""
    truth = np.eye(probabilities.shape[1])[labels]
    score: Floats = ((probabilities - truth) ** 2).sum(axis=1)
    return score


def recalibrated(answers: NDArray[np.float32], labels: NDArray[np.int64], share: Floats, score: Score) -> Floats:
    """(n,) scores of answers (n, K) at the temperature with the least mean score, weighted by `share`."""
    logs = np.log(np.maximum(answers, np.float32(_LEAST)))
    scores = (score(calibrated(logs, temperature), labels) for temperature in _TEMPERATURES)
    return min(scores, key=lambda one: float(share @ one))
