"""Embeddings of a few hundred training cells: out-of-distribution distance, and the basis of a site's own head.

An embedding is an optional output of a classifier: a linear projection of its pooled features, scaled so that the
cells of one class have a standard deviation of about one in every direction. In a bundle the prototypes are the part
`prototypes.npz`: `embeddings` int8 (n, d) with the `scale` and `zero_point` of the model's own output, `labels` uint8
(n,), indices into the card's labels, and `laboratories` str (n,). They are training cells, in equal numbers for each
laboratory and class as far as available.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PARTS = ("embeddings", "scale", "zero_point", "labels", "laboratories")
_LARGEST = 16 << 20


@dataclass(frozen=True)
class Prototypes:
    """Embeddings of in-distribution cells.

    Attributes:
        embeddings: (n, d) float32.
        labels: (n,) int64, indices into the card's labels.
        laboratories: (n,) str, the laboratory of each cell.
    """

    embeddings: NDArray[np.float32]
    labels: NDArray[np.int64]
    laboratories: NDArray[np.str_]

    @cached_property
    def _means(self) -> dict[int, NDArray[np.float32]]:
        """Label → the mean (d,) float32 of its cells."""
        return {label: self.embeddings[self.labels == label].mean(axis=0) for label in np.unique(self.labels).tolist()}

    def distances(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Out-of-distribution distance of cells: (N,) float32, distance to the mean of the nearest class.

        About √d for a cell of a trained class from a training microscope.

        Args:
            embeddings: (N, d) float32.
        """
        apart = embeddings[:, None].astype(np.float64) - np.stack(list(self._means.values()))[None]
        nearest: NDArray[np.float32] = np.sqrt((apart**2).sum(axis=2)).min(axis=1).astype(np.float32)
        return nearest

    def doubted(
        self, logits: NDArray[np.float32], embeddings: NDArray[np.float32], doubt: float
    ) -> NDArray[np.float32]:
        """Logits (n, labels) of cells with embeddings (n, d), reduced for cells far from their class.

        The best label stays the best; only its confidence falls. Nothing changes within √d of the class mean, the
        in-distribution range; beyond it, logits are divided by 1 + doubt × the excess.
        """
        middles = np.full((logits.shape[1], embeddings.shape[1]), np.inf)
        middles[list(self._means)] = list(self._means.values())
        apart = np.sqrt(((embeddings - middles[logits.argmax(axis=1)]) ** 2).sum(axis=1))
        excess = np.maximum(0.0, apart - np.sqrt(embeddings.shape[1]))
        divided: NDArray[np.float32] = (logits / (1 + doubt * excess)[:, None]).astype(np.float32)
        return divided


def pack_prototypes(
    quantised: NDArray[np.int8], scale: float, zero_point: int, labels: NDArray[Any], laboratories: NDArray[np.str_]
) -> bytes:
    """The part `prototypes.npz` from embeddings (n, d) int8, the model's quantised output."""
    content = io.BytesIO()
    np.savez_compressed(
        content,
        embeddings=quantised,
        scale=np.float64(scale),
        zero_point=np.int64(zero_point),
        labels=labels.astype(np.uint8),
        laboratories=laboratories,
    )
    return content.getvalue()


def unpack_prototypes(content: bytes, labels: int, size: int) -> Prototypes:
    """The prototypes in a part `prototypes.npz`.

    Args:
        content: the part.
        labels: number of labels in the card.
        size: dimensions of an embedding, by the card.

    Raises:
        ValueError: they are damaged or not of these sizes.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
            raise ValueError("they would unpack to too much")
    with np.load(io.BytesIO(content), allow_pickle=False) as parts:
        stored, scale, zero_point, own, laboratories = (np.asarray(parts[name]) for name in _PARTS)
    n = len(own)
    if stored.dtype != np.int8 or stored.shape != (n, size) or laboratories.shape != (n,) or own.dtype != np.uint8:
        raise ValueError(f"they are {stored.shape} {stored.dtype}, not (n, {size}) int8")
    if not n or int(own.max()) >= labels:
        raise ValueError("their labels are not those of the card")
    real = (stored.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
    return Prototypes(real, own.astype(np.int64), laboratories.astype(np.str_))
