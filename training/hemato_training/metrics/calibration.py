"""How sure an answer is: the temperature that makes confidences honest, and where they are too low for an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LOWEST_THRESHOLD = 0.5
"""An answer that is less likely than not is no answer, however good the rest are."""
HIGHEST_THRESHOLD = 0.999
"""Stands where no confidence is high enough."""
MAX_ERROR = 0.01
"""Share of wrong answers among those given, at most, on the cells the threshold is chosen on."""
RIGHT_ABROAD = (0.95, 0.90)
"""Share of right answers among those given in left-out laboratories: in their mean, and in the worst."""
LEAST_ANSWERED = 0.05
"""A threshold that leaves fewer of a left-out laboratory's cells an answer proves nothing about it."""
BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """Cells of similar confidence: how sure the model was on average, how often it was right, how many they are."""

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
    """Mean of -ln p(truth), natural logarithm."""
    probability = softmax(logits, temperature)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(probability, 1e-12)).mean())


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The temperature of least negative log likelihood, 0.05 to 20 (Guo et al. 2017), by golden-section search."""
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
    """The smallest confidence from which on at most `max_error` of the answers are wrong.

    Args:
        probabilities: (n, labels), calibrated.
        labels: (n,) truth.
        max_error: share of wrong answers among those given.

    Returns:
        `LOWEST_THRESHOLD` to `HIGHEST_THRESHOLD`, midway between the last cell accepted and the first that is not.
    """
    confidence = probabilities.max(axis=1)
    wrong = probabilities.argmax(axis=1) != labels
    order = np.argsort(-confidence, kind="stable")
    falling = np.append(confidence[order], 0.0)
    rate = np.cumsum(wrong[order]) / np.arange(1, len(order) + 1)
    # a threshold accepts all cells of equal confidence, so only the last of each run of equals can be the last accepted
    possible = (falling[:-1] > falling[1:]) & (falling[:-1] >= LOWEST_THRESHOLD) & (rate <= max_error)
    if not possible.any():
        return HIGHEST_THRESHOLD
    last = int(np.flatnonzero(possible)[-1])
    between = (falling[last] + falling[last + 1]) / 2  # apart from both, whatever a device's rounding
    return float(np.clip(between, LOWEST_THRESHOLD, HIGHEST_THRESHOLD))


def left_out_threshold(
    laboratories: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]], asked: tuple[float, float] = RIGHT_ABROAD
) -> tuple[float, bool]:
    """The smallest confidence from which on left-out laboratories' answers are right often enough.

    Args:
        laboratories: of each the probabilities (n, labels) and the truth (n,).
        asked: least share of right answers among those given, in the mean over laboratories and in the worst.

    Returns:
        The threshold, and whether it keeps what is asked; if none does, the one that misses it least.
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
    """The bins of equal width that hold a cell, lowest confidence first."""
    confidence = probabilities.max(axis=1)
    return _binned(confidence, probabilities.argmax(axis=1) == labels, bins)


def expected_calibration_error(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], bins: int = BINS
) -> float:
    """Mean distance between confidence and accuracy over bins of equal width (Guo et al. 2017), 0 to 1."""
    return _mean_gap(reliability(probabilities, labels, bins))


def classwise_calibration_error(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], bins: int = BINS
) -> NDArray[np.float64]:
    """(labels,) the same for each class's probability against how often a cell is of it (Kull et al. 2019)."""
    classes = range(probabilities.shape[1])
    return np.array([_mean_gap(_binned(probabilities[:, c], labels == c, bins)) for c in classes])


def calibration_error_by_chance(
    probabilities: NDArray[np.float64], draws: int = 1000, seed: int = 7, bins: int = BINS
) -> tuple[float, float]:
    """What a perfectly honest model with these confidences would show on as many cells: mean, and 95 % stay below.

    A calibration error over bins is never negative, so few cells show one by chance alone (consistency resampling:
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
