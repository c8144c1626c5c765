"""What attributes that are learnt cost: targets that weigh rare values more, and the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BALANCE = 0.5
"""A value's cells weigh by its frequency to minus this power: macro F1 counts rare values as much as common ones."""


def weighted_targets(answers: NDArray[np.int64], sizes: Sequence[int]) -> NDArray[np.float32]:
    """(n, all values) float32: the weight of the true value of each attribute, 0 elsewhere; mean 1 an attribute.

    Args:
        answers: (n, attributes), index of the true value of each, -1 where it is not known: such a cell has no weight.
        sizes: number of values of each attribute.
    """
    parts = []
    for truth, size in zip(answers.T, sizes, strict=True):
        known = truth >= 0
        share = np.bincount(truth[known], minlength=size) / max(1, known.sum())
        weight = np.where(share > 0, np.maximum(share, 1e-9) ** -BALANCE, 0.0)
        weight /= max(1e-9, float((weight * share).sum()))
        parts.append(np.eye(size)[truth] * np.where(known, weight[truth], 0.0)[:, None])
    weighted: NDArray[np.float32] = np.concatenate(parts, axis=1).astype(np.float32)
    return weighted


@keras.saving.register_keras_serializable("hemato_training")
class AttributeLoss(keras.losses.Loss):  # type: ignore[misc]  # keras has no types
    """Mean cross entropy of the attributes, of truth from `weighted_targets` and logits, both (n, all values).

    Args:
        sizes: number of values of each attribute.
    """

    def __init__(self, sizes: Sequence[int], **named: Any) -> None:
        super().__init__(**named)
        self.sizes = tuple(sizes)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Of each cell, (n,)."""
        ends = np.cumsum(self.sizes).tolist()
        own = [slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True)]
        every = [keras.ops.sum(y_true[:, one] * keras.ops.log_softmax(y_pred[:, one]), axis=1) for one in own]
        return -sum(every) / len(self.sizes)

    def get_config(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {**super().get_config(), "sizes": self.sizes}
