"""Intervals of all figures in `classification.Figures`, and the area under the ROC curve of every class."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.evidence.bootstrap import interval, resample
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.metrics.bootstrap import confusions, weighted_auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.evidence.bootstrap import Interval
    from hemato_training.metrics.answers import Answers


@dataclass(frozen=True, slots=True)
class ClassIntervals:
    """One class, or a mean over classes: 95 % intervals from 0 to 1, by bootstrap over groups."""

    precision: Interval
    recall: Interval
    f1: Interval


@dataclass(frozen=True, slots=True)
class ClassAuc:
    """One class against the rest.

    Attributes:
        auc: probability that a cell of the class gets a higher probability for it than another cell.
        interval: by bootstrap over groups.
    """

    auc: float
    interval: Interval


FEWEST = 5
"""Minimum number of cells for a class's interval to be meaningful; otherwise it is not displayed."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """95 % intervals of one set of cells; they cover the sampling of cells, not labelling errors.

    Attributes:
        accuracy: by bootstrap over groups.
        accuracy_exact: Clopper-Pearson, assuming independent cells; never empty, even without errors.
        balanced_accuracy: by bootstrap over groups.
        macro: mean over the classes that occur.
        weighted: the same, weighted by class size.
        per_class: label → intervals, labels that occur only.
        recall_exact: label → Clopper-Pearson of the recall, labels that occur only.
        precision_exact: likewise of the precision; 0 to 1 if the label was never answered.
        auc: label → one against the rest, if the label and another occur.
        macro_auc: mean over those, None without any.
    """

    accuracy: Interval
    accuracy_exact: Interval
    balanced_accuracy: Interval
    macro: ClassIntervals
    weighted: ClassIntervals
    per_class: dict[str, ClassIntervals]
    recall_exact: dict[str, Interval]
    precision_exact: dict[str, Interval]
    auc: dict[str, ClassAuc]
    macro_auc: ClassAuc | None

    def wider(self, label: str, figure: str) -> Interval:
        """The interval to display for a class's "precision" or "recall": bootstrap, widened to the exact one.

        Without any error, bootstrap alone would claim certainty.
        """
        low, high = getattr(self.per_class[label], figure)
        exact = {"precision": self.precision_exact, "recall": self.recall_exact}[figure][label]
        return min(low, exact[0]), max(high, exact[1])

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


def intervals_of(answers: Answers, temperature: float = 1.0) -> Intervals:
    """The intervals of all figures of a set.

    Args:
        answers: at least one.
        temperature: used for the probabilities that rank cells in ROC curves.
    """
    count = len(CLASSIFIER_LABELS)
    given = answers.logits.argmax(axis=1)
    drawn = resample(answers.groups, answers.strata)
    matrices = confusions(drawn, answers.labels, given, count)
    present = np.unique(answers.labels)
    right, truth = np.diagonal(matrices, axis1=1, axis2=2), matrices.sum(axis=2)
    recall, precision = _share(right, truth), _share(right, matrices.sum(axis=1))
    f1 = _share(2 * right, truth + matrices.sum(axis=1))
    weights = truth[:, present] / np.maximum(truth[:, present].sum(axis=1, keepdims=True), 1)

    def mean(weighting: NDArray[np.float64]) -> ClassIntervals:
        return ClassIntervals(*(interval((v[:, present] * weighting).sum(axis=1)) for v in (precision, recall, f1)))

    auc, macro_auc = _areas(answers, temperature, drawn)
    hits = {int(c): int(np.count_nonzero(given[answers.labels == c] == c)) for c in present}
    return Intervals(
        accuracy=interval(right.sum(axis=1) / matrices.sum(axis=(1, 2))),
        accuracy_exact=clopper_pearson(sum(hits.values()), len(answers)),
        balanced_accuracy=interval(recall[:, present].mean(axis=1)),
        macro=mean(np.full(len(present), 1 / len(present))),
        weighted=mean(weights),
        per_class={
            CLASSIFIER_LABELS[c]: ClassIntervals(*(interval(v[:, c]) for v in (precision, recall, f1))) for c in present
        },
        recall_exact=_exact(hits, answers.labels),
        precision_exact=_exact(hits, given),
        auc=auc,
        macro_auc=macro_auc,
    )


def _exact(hits: dict[int, int], of: NDArray[np.int64]) -> dict[str, Interval]:
    totals = {c: int(np.count_nonzero(of == c)) for c in hits}
    return {CLASSIFIER_LABELS[c]: clopper_pearson(n, totals[c]) if totals[c] else (0.0, 1.0) for c, n in hits.items()}


def _areas(
    answers: Answers, temperature: float, drawn: NDArray[np.float32]
) -> tuple[dict[str, ClassAuc], ClassAuc | None]:
    probabilities = answers.probabilities(temperature)
    present = np.unique(answers.labels)
    if len(present) < 2:
        return {}, None
    whole = np.ones((1, len(answers)), np.float32)
    points, draws = [], []
    for c in present:
        own = answers.labels == c
        points.append(float(weighted_auc(whole, probabilities[:, c], own)[0]))
        draws.append(weighted_auc(drawn, probabilities[:, c], own))
    auc = {CLASSIFIER_LABELS[c]: ClassAuc(p, interval(d)) for c, p, d in zip(present, points, draws, strict=True)}
    return auc, ClassAuc(float(np.mean(points)), interval(np.mean(draws, axis=0)))


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ratio; 0 for an empty whole, as in `classification.figures_of`."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
