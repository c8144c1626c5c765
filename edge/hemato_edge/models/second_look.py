"""A second look at a cell whose first answer is below the threshold: the same crop, turned and mirrored.

A cell has no upright position, so every orientation of a crop shows it as well. Only unsure cells are looked at again,
all of a batch together, and logits and embeddings are averaged over the views before they are lowered (test-time
augmentation; averaged before the softmax, so that one unsure view does not outvote the others:
`benchmarks/second_look.py`). Who is sure at first look costs one inference, as ever. The mean embedding goes on with
the answer: a head of the site's own is linear in it, so its logits are averaged over the same views.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hemato_edge.models.temperature import calibrated

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hemato_edge.models.card import ClassifierCard

VIEWS = (1, 2, 4, 8)
"""Possible numbers of views: upright only, also mirrored, four quarter turns, and these also mirrored."""
ALL = 2.0
"""As a threshold: every cell is looked at again."""


class Seen(NamedTuple):
    """What a network gives for n crops, float32: logits (n, labels), lowered or not yet, embeddings (n, d) or None."""

    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class SecondLook:
    """When a cell is looked at again, and in how many views.

    Attributes:
        views: one of `VIEWS`; 1: never again.
        temperature: divides the logits before the softmax.
        threshold: a cell below this confidence is looked at again.
    """

    views: int
    temperature: float
    threshold: float

    @staticmethod
    def of_card(card: ClassifierCard) -> SecondLook:
        """As a card says."""
        return SecondLook(card.second_look_views, card.temperature, card.rejection_threshold)

    def take(
        self,
        crops: NDArray[np.uint8],
        first: Seen,
        ask: Callable[[NDArray[np.uint8]], Seen],
        lower: Callable[[Seen], NDArray[np.float32]],
    ) -> Seen:
        """The logits that probabilities are made from, and the embeddings: of the first look, or the mean of all views.

        Args:
            crops: (n, S, S, 3) uint8.
            first: what the network gave for them.
            ask: the network.
            lower: see `models.caution.device_logits`.
        """
        logits, embeddings = lower(first), first.embeddings
        if self.views == 1:
            return Seen(logits, embeddings)
        unsure = calibrated(logits, self.temperature).max(axis=1) < self.threshold
        if not unsure.any():
            return Seen(logits, embeddings)
        own = Seen(*(None if part is None else part[unsure] for part in first))  # type: ignore[arg-type]
        mean = _mean(own, ask(further_views(crops[unsure], self.views)))
        logits = logits.copy()
        logits[unsure] = lower(mean)
        if embeddings is not None and mean.embeddings is not None:
            embeddings = embeddings.copy()
            embeddings[unsure] = mean.embeddings
        return Seen(logits, embeddings)


def further_views(crops: NDArray[np.uint8], views: int) -> NDArray[np.uint8]:
    """The views of crops (n, S, S, 3) besides the first, ((views - 1) · n, S, S, 3) uint8, view by view."""
    turned = [np.rot90(crops, turn, axes=(1, 2)) for turn in range(4 if views > 2 else 1)]
    mirrored = [view[:, :, ::-1] for view in turned] if views in (2, 8) else []
    return np.concatenate([*turned[1:], *mirrored])


def _mean(first: Seen, further: Seen) -> Seen:
    """Mean over the first and further views."""

    def over_views(own: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
        stacked = np.concatenate([own, others]).reshape(-1, *own.shape)
        return stacked.mean(axis=0, dtype=np.float32)  # type: ignore[no-any-return]

    if first.embeddings is None or further.embeddings is None:
        return Seen(over_views(first.logits, further.logits))
    return Seen(over_views(first.logits, further.logits), over_views(first.embeddings, further.embeddings))
