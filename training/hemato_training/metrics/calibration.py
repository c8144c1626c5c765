"""Calibration of confidences: temperature, rejection threshold, calibration error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LOWEST_THRESHOLD = 0.5
"""Minimum rejection threshold: an answer that is more likely wrong than right is not given."""
HIGHEST_THRESHOLD = 0.999
"""Used if no confidence is high enough."""
MAX_ERROR = 0.01
"""Maximum share of wrong answers among those given, on the cells that the threshold is chosen on."""
RIGHT_ABROAD = (0.95, 0.90)
"""Required share of right answers among those given in left-out laboratories: mean, and worst."""
LEAST_ANSWERED = 0.05
"""Minimum answered share in every left-out laboratory for a threshold to be considered."""
BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """Cells of similar confidence: mean confidence, accuracy, number."""

    confidence: float
    accuracy: float
    cells: int


def softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities (n, labels) of logits (n, labels)."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    raised = np.exp(scaled)
    return raised / raised.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def negative_log_likelihood(logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float = 1.0) -> float:
    """Mean of -ln p(true class)."""
    probability = softmax(logits, temperature)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(probability, 1e-12)).mean())


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The temperature, 0.05 to 20, of least negative log likelihood of logits (n, labels) (Guo et al. 2017)."""
    low, high = np.log(0.05), np.log(20.0)
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if negative_log_likelihood(logits, labels, float(np.exp(left))) < negative_log_likelihood(
            logits, labels, float(np.exp(right))
        ):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def rejection_threshold(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], max_error: float = MAX_ERROR
) -> float:
    """The smallest threshold at which at most `max_error` of the given answers are wrong.

    Args:
        probabilities: (n, labels), calibrated.
        labels: (n,) true classes.
        max_error: share of wrong answers among those given.

    Returns:
        `LOWEST_THRESHOLD` to `HIGHEST_THRESHOLD`, midway between the last accepted cell and the first rejected one.
    """
    confidence = probabilities.max(axis=1)
    wrong = probabilities.argmax(axis=1) != labels
    order = np.argsort(-confidence, kind="stable")
    falling = np.append(confidence[order], 0.0)
    rate = np.cumsum(wrong[order]) / np.arange(1, len(order) + 1)
    # a threshold accepts all cells of equal confidence, so only the last of a tie can be the last accepted
    possible = (falling[:-1] > falling[1:]) & (falling[:-1] >= LOWEST_THRESHOLD) & (rate <= max_error)
    if not possible.any():
        return HIGHEST_THRESHOLD
    last = int(np.flatnonzero(possible)[-1])
    between = (falling[last] + falling[last + 1]) / 2  # away from both, to be robust to rounding
    return float(np.clip(between, LOWEST_THRESHOLD, HIGHEST_THRESHOLD))


def left_out_threshold(
    laboratories: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]], asked: tuple[float, float] = RIGHT_ABROAD
) -> tuple[float, bool]:
    """The smallest threshold at which left-out laboratories' answers are right often enough.

    Args:
        laboratories: for each the probabilities (n, labels) and the true classes (n,).
        asked: minimum share of right answers among those given: mean over laboratories, and worst.

    Returns:
        The threshold, and whether it reaches `asked`; if none does, the one that comes closest.
    """
    candidates = np.concatenate([np.arange(LOWEST_THRESHOLD, 0.95, 0.01), 1 - np.geomspace(0.05, 0.001, 60)])
    best, least = HIGHEST_THRESHOLD, -np.inf
    for threshold in candidates:
        right = []
        for probabilities, labels in laboratories:
            given = probabilities.max(axis=1) >= threshold
            if given.mean() < LEAST_ANSWERED:
                break
            right.append(float(np.mean(probabilities[given].argmax(axis=1) == labels[given])))
        if len(right) < len(laboratories):
            break
        spare = min(float(np.mean(right)) - asked[0], min(right) - asked[1])
        if spare >= 0:
            return float(threshold), True
        if spare > least:
            best, least = float(threshold), spare
    return best, False


def reliability(probabilities: NDArray[np.float64], labels: NDArray[np.int64], bins: int = BINS) -> list[Bin]:
    """The non-empty bins of equal width of probabilities (n, labels), lowest confidence first."""
    confidence = probabilities.max(axis=1)
    return _binned(confidence, probabilities.argmax(axis=1) == labels, bins)


def expected_calibration_error(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], bins: int = BINS
) -> float:
    """Mean gap, 0 to 1, between confidence and accuracy of probabilities (n, labels) (Guo et al. 2017)."""
    return _mean_gap(reliability(probabilities, labels, bins))


def classwise_calibration_error(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], bins: int = BINS
) -> NDArray[np.float64]:
    """(labels,) the same for each class's probability against its frequency (Kull et al. 2019)."""
    classes = range(probabilities.shape[1])
    return np.array([_mean_gap(_binned(probabilities[:, c], labels == c, bins)) for c in classes])


def calibration_error_by_chance(
    probabilities: NDArray[np.float64], draws: int = 1000, seed: int = 7, bins: int = BINS
) -> tuple[float, float]:
    """Calibration error of a perfectly calibrated model with probabilities (n, labels): mean, 95th percentile.

    A binned calibration error is never negative, so with few cells it is above zero by chance (consistency resampling:
    J. Bröcker and L. A. Smith, Weather and Forecasting 22, 2007).
    """
    confidence = probabilities.max(axis=1)
    right = np.random.default_rng(seed).random((draws, len(confidence))) < confidence
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    member = (place[:, None] == np.arange(bins)).astype(np.float64)
    errors = np.abs((right - confidence) @ member).sum(axis=1) / len(confidence)
    return float(errors.mean()), float(np.percentile(errors, 95))


def _binned(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int) -> list[Bin]:
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    members = [place == b for b in np.unique(place)]
    return [Bin(float(confidence[m].mean()), float(right[m].mean()), int(np.count_nonzero(m))) for m in members]


def _mean_gap(bins: list[Bin]) -> float:
    cells = sum(b.cells for b in bins)
    return float(sum(abs(b.accuracy - b.confidence) * b.cells for b in bins) / cells)
