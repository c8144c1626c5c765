"""From logits to calibrated probabilities: temperature scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def calibrated(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Probabilities (N, labels) float32 from logits of that shape by temperature scaling (Guo et al. 2017)."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    odds = np.exp(scaled)
    shares: NDArray[np.float32] = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
