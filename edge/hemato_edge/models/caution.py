"""A network's logits as a device uses them: with less confidence where the network may not know.

Three reasons to doubt, each optional in a card. A class that only one training laboratory has: the network knows it in
one stain, and on another microscope cells of common classes are taken for it, so its logit is lowered. A cell far from
its class among the training cells, see `Prototypes.doubted`. A cell that resembles what has no class, by a linear score
of its embedding (Lee et al., ICLR 2018, train a detector on made-up strangers likewise).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.models.card import CautionSpec
    from hemato_edge.models.prototypes import Prototypes


def device_logits(
    logits: NDArray[np.float32],
    embeddings: NDArray[np.float32] | None,
    home: Prototypes | None,
    doubt: float,
    caution: CautionSpec | None,
) -> NDArray[np.float32]:
    """The logits (n, labels) float32 that probabilities are made from.

    Args:
        logits: (n, labels) float32, of the network.
        embeddings: (n, d) float32, None from a network without: then only labels are lowered.
        home: the bundle's prototypes, for `doubt`.
        doubt: see `Prototypes.doubted`; 0 for none.
        caution: the card's; None for none.
    """
    if caution is not None:
        logits = (logits - np.asarray(caution.lowered, np.float32)).astype(np.float32)
    if embeddings is None:
        return logits
    if home is not None and doubt:
        logits = home.doubted(logits, embeddings, doubt)
    if caution is not None and caution.weights:
        short = np.maximum(0.0, -known_score(embeddings, caution))
        logits = (logits / (1 + caution.slope * short)[:, None]).astype(np.float32)
    return logits


def known_score(embeddings: NDArray[np.float32], caution: CautionSpec) -> NDArray[np.float64]:
    """How much cells with embeddings (n, d) resemble known ones, (n,) float64 log odds; below 0 they are doubted."""
    score: NDArray[np.float64] = embeddings.astype(np.float64) @ np.asarray(caution.weights) + caution.bias
    return score
