"""Linear heads on the pooled features of a trained network: multinomial logistic regressions.

Fitted in the space of the features' principal components, each scaled down by the root of its own spread only, so that
the penalty falls harder on the fine directions, in which some thousand cells say little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMPONENTS = 256
"""Principal components of the pooled features that a head sees."""
_NEVER = -10.0
"""Logit of an answer that no cell had."""


@dataclass(frozen=True, slots=True)
class LinearHead:
    """Logits = pooled features · kernel + bias.

    Attributes:
        kernel: (features, answers) float32.
        bias: (answers,) float32.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def fit_linear_heads(
    features: NDArray[np.float32], truths: NDArray[np.int64], answers: tuple[int, ...], penalty: float
) -> LinearHead:
    """Heads for several questions about the same cells, side by side in one matrix.

    Args:
        features: (n, features) pooled features of the cells.
        truths: (n, questions) int64, index of the true answer to each.
        answers: how many answers each question has; one that no cell has is never given.
        penalty: inverse strength of the L2 penalty.
    """
    middle = features.mean(axis=0, dtype=np.float64)
    _, spread, axes = np.linalg.svd(features - middle, full_matrices=False)
    kept = min(COMPONENTS, int(np.count_nonzero(spread > 1e-6 * spread[0])))
    shrunk = axes[:kept].T / np.sqrt(spread[:kept] / np.sqrt(len(features)))
    shown = (features - middle) @ shrunk
    kernels, biases = [], []
    for truth, number in zip(truths.T, answers, strict=True):
        kernel, bias = _fitted(shown, truth, number, penalty)
        kernels.append(shrunk @ kernel)
        biases.append(bias)
    kernel = np.concatenate(kernels, axis=1)
    bias = np.concatenate(biases) - middle @ kernel
    return LinearHead(kernel.astype(np.float32), bias.astype(np.float32))


def _fitted(
    shown: NDArray[np.float64], truth: NDArray[np.int64], number: int, penalty: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Kernel (components, number) and bias (number,) of one question."""
    kernel, bias = np.zeros((shown.shape[1], number)), np.full(number, _NEVER)
    present = np.unique(truth)
    if len(present) == 1:
        bias[present] = 0.0
        return kernel, bias
    model = LogisticRegression(C=penalty, max_iter=200).fit(shown, truth)
    if len(present) == 2:  # one boundary: half of it for either answer
        kernel[:, present], bias[present] = model.coef_.T * (-0.5, 0.5), model.intercept_ * (-0.5, 0.5)
    else:
        kernel[:, present], bias[present] = model.coef_.T, model.intercept_
    return kernel, bias
