"""The classifier of a site that has a head of its own: each answer is mixed with the head's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hemato_edge.errors import ModelError
from hemato_edge.labels import CLASSIFIER_LABELS, UNCLASSIFIED
from hemato_edge.site.head import head_probabilities, mixed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from hemato_edge.site.parts import Head
    from hemato_edge.values import Judgement
    from hemato_edge.vision.classify.classifier import Classifier
    from hemato_edge.vision.field_view import FieldView
    from hemato_edge.vision.slide_appearance import SlideAppearance


class SiteClassifier:
    """Names cells as the shipped classifier and the site's head do together; see `vision.classify.Classifier`.

    Args:
        shipped: gives an embedding with each judgement.
        head: of the site, for this classifier.
    """

    def __init__(self, shipped: Classifier, head: Head) -> None:
        self._shipped = shipped
        self._weights = head.matrix()
        self._share, self._threshold = head.share, head.threshold

    def judge(self, view: FieldView, boxes: NDArray[np.float32], look: SlideAppearance) -> list[Judgement]:
        """See `Classifier.judge`."""
        return [self._with_head(one) for one in self._shipped.judge(view, boxes, look)]

    def pool(self, judgements: Sequence[Judgement]) -> Judgement:
        """See `Classifier.pool`: the mean of the mixtures."""
        return self._named(self._shipped.pool(judgements))

    def _with_head(self, judgement: Judgement) -> Judgement:
        if judgement.embedding is None:
            raise ModelError(
                "The classifier gives no embedding, which the site's own head reads.",
                "Use the model that the head was fitted for, or undo it with `hemato-edge site remove --head-only`.",
            )
        own = head_probabilities(self._weights, judgement.embedding[None])
        together = mixed(judgement.probabilities[None], own, self._share)[0]
        winner = int(together.argmax())
        best = CLASSIFIER_LABELS[winner]
        activation = judgement.activation if best == judgement.best else None
        return self._named(
            replace(
                judgement, best=best, confidence=float(together[winner]), probabilities=together, activation=activation
            )
        )

    def _named(self, judgement: Judgement) -> Judgement:
        sure = judgement.confidence >= self._threshold
        return replace(judgement, label=judgement.best if sure else UNCLASSIFIED)
