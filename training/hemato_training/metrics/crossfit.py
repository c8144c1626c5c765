"""Temperature and threshold evaluated on cells that were not used to choose them.

Fitted and reported on the same cells, both are optimistic. So the cells are halved by group, each half is evaluated
with the choices of the other half, and that is repeated over several halvings.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_training.metrics.calibration import (
    MAX_ERROR,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    rejection_threshold,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_training.metrics.answers import Answers

HALVINGS = 20
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """Means over the halvings, for one set of cells.

    Attributes:
        cells: number of cells, each evaluated once per halving.
        nll: mean negative log likelihood.
        ece: expected calibration error, 15 bins.
        accepted: share answered.
        accepted_error: share of wrong answers among those.
        accepted_error_range: minimum and maximum over the halvings.
    """

    cells: int
    nll: float
    ece: float
    accepted: float
    accepted_error: float
    accepted_error_range: tuple[float, float]


@dataclass(frozen=True, slots=True)
class CrossFit:
    """The choices made on the halves, and their results.

    Attributes:
        halvings: number of halvings.
        fitted_on: laboratories whose cells are used for choosing; others are only evaluated.
        temperature: mean of those fitted on halves.
        temperature_range: minimum and maximum.
        threshold: mean of those chosen on halves.
        threshold_range: minimum and maximum.
        laboratories: laboratory → its cells.
        overall: all cells of the laboratories in `fitted_on`.
    """

    halvings: int
    fitted_on: tuple[str, ...]
    temperature: float
    temperature_range: tuple[float, float]
    threshold: float
    threshold_range: tuple[float, float]
    laboratories: dict[str, CrossFitted]
    overall: CrossFitted

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


def crossfit(answers: Answers, fitted_on: tuple[str, ...], halvings: int = HALVINGS, seed: int = 7) -> CrossFit | None:
    """Evaluate temperature and threshold on the half that was not used to choose them, both ways.

    Args:
        answers: all cells.
        fitted_on: laboratories whose cells may be used for choosing.
        halvings: number of halvings.
        seed: of the halvings.

    Returns:
        None if these laboratories have fewer than 20 cells here.
    """
    chooses = np.isin(answers.laboratories, fitted_on)
    if np.count_nonzero(chooses) < _FEWEST:
        return None
    temperatures, thresholds = [], []
    sets = {name: answers.laboratories == name for name in dict.fromkeys(answers.laboratories.tolist())}
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in ("", *sets)}
    for turn in range(halvings):
        half = halve(answers, seed + turn)
        scaled, threshold = np.empty_like(answers.logits, np.float64), np.empty(len(answers))
        for chosen in (False, True):
            fit, other = answers.select(chooses & (half == chosen)), half != chosen
            temperatures.append(fit_temperature(fit.logits, fit.labels))
            thresholds.append(rejection_threshold(fit.probabilities(temperatures[-1]), fit.labels, MAX_ERROR))
            scaled[other], threshold[other] = answers.logits[other] / temperatures[-1], thresholds[-1]
        for name, own in (("", chooses), *sets.items()):
            rows[name].append(_judge(scaled[own], answers.labels[own], threshold[own]))
    judged = {name: _summed(np.array(values), int(n)) for (name, values), n in zip(
        rows.items(), (np.count_nonzero(chooses), *map(np.count_nonzero, sets.values())), strict=True
    )}  # fmt: skip
    return CrossFit(
        halvings,
        tuple(name for name in fitted_on if name in sets),
        float(np.mean(temperatures)),
        (min(temperatures), max(temperatures)),
        float(np.mean(thresholds)),
        (min(thresholds), max(thresholds)),
        {name: judged[name] for name in sets},
        judged[""],
    )


def halve(answers: Answers, seed: int) -> NDArray[np.bool_]:
    """(n,) bool: the half of each cell; groups stay whole, strata are divided evenly.

    Each stratum has its own random numbers, so adding a laboratory does not change the halves of the others.
    """
    _, first, place = np.unique(answers.groups, return_index=True, return_inverse=True)
    strata = answers.strata[first]
    side = np.zeros(len(first), bool)
    for stratum in np.unique(strata):
        rng = np.random.default_rng([seed, zlib.crc32(str(stratum).encode())])
        members = rng.permutation(np.flatnonzero(strata == stratum))
        # an odd one goes to a random half, else one half would always be larger
        side[members[: len(members) // 2 + int(rng.integers(2)) * (len(members) % 2)]] = True
    return side[place]


def _judge(scaled: NDArray[np.float64], labels: NDArray[np.int64], threshold: NDArray[np.float64]) -> tuple[float, ...]:
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities = raised / raised.sum(axis=1, keepdims=True)
    accepted = probabilities.max(axis=1) >= threshold
    wrong = probabilities.argmax(axis=1) != labels
    return (
        negative_log_likelihood(scaled.astype(np.float32), labels),
        expected_calibration_error(probabilities, labels),
        float(accepted.mean()),
        float(wrong[accepted].mean()) if accepted.any() else 0.0,
    )


def _summed(rows: NDArray[np.float64], cells: int) -> CrossFitted:
    nll, ece, accepted, error = (float(v) for v in rows.mean(axis=0))
    return CrossFitted(cells, nll, ece, accepted, error, (float(rows[:, 3].min()), float(rows[:, 3].max())))
