"""The embedding: a linear projection of the pooled features, whitened by the within-class covariance.

Principal components of the pooled features, then whitening by the within-class covariance, shrunk towards a multiple of
the identity. Distances between embeddings are then Mahalanobis distances, a few site cells suffice to fit a head on
them, and every direction is resolved by the int8 steps. It is fitted after training, so it changes no label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.caution import device_logits
from hemato_edge.models.prototypes import unpack_prototypes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.models.card import CautionSpec
    from hemato_edge.models.second_look import Seen

SIZE = 64
"""Maximum dimensions of an embedding."""
SHRINKAGE = 0.1
"""Weight of the identity in the within-class covariance: some hundred cells do not determine its small directions."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Embedding = pooled features · kernel + bias.

    Attributes:
        kernel: (features, d) float32.
        bias: (d,) float32; makes the mean of the fitted cells zero.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]

    @property
    def size(self) -> int:
        """Dimensions of an embedding."""
        return int(self.kernel.shape[1])


def lowered(
    seen: Seen, prototypes: bytes | None, doubt: float, caution: CautionSpec | None = None
) -> NDArray[np.float32]:
    """A network's logits (n, labels) as on the device, see `models.caution`."""
    if prototypes is None:
        return device_logits(seen.logits, None, None, 0.0, caution)
    if seen.embeddings is None:
        raise ModelError("The model gives no embedding.", "Convert it again with `hemato-edge convert`.")
    home = unpack_prototypes(prototypes, len(CLASSIFIER_LABELS), seen.embeddings.shape[1])
    return device_logits(seen.logits, seen.embeddings, home, doubt, caution)


def fit_projection(features: NDArray[np.float32], labels: NDArray[np.int64], size: int = SIZE) -> Projection:
    """The projection of pooled features (n, features) of cells with labels (n,) to at most `size` dimensions."""
    middle = features.mean(axis=0, dtype=np.float64)
    centred = features - middle
    _, spread, axes = np.linalg.svd(centred, full_matrices=False)
    variance = spread**2 / max(1, len(features) - 1)
    kept = min(size, int(np.count_nonzero(variance > 1e-9 * variance[0])))
    kept -= kept == len(CLASSIFIER_LABELS)  # the runtime distinguishes embedding and logits by their length
    axes = axes[:kept].T
    shown = centred @ axes
    within = shown - np.stack([shown[labels == label].mean(axis=0) for label in labels])
    covariance = within.T @ within / max(1, len(features) - len(np.unique(labels)))
    even = np.trace(covariance) / kept
    values, turns = np.linalg.eigh((1 - SHRINKAGE) * covariance + SHRINKAGE * even * np.eye(kept))
    kernel = axes @ turns / np.sqrt(values)
    return Projection(kernel.astype(np.float32), (-middle @ kernel).astype(np.float32))
