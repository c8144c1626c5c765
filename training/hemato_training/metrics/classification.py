"""Figures of merit from logits: accuracy, precision, recall, F1, confusion."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.metrics.calibration import expected_calibration_error, negative_log_likelihood, softmax

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hemato_training.data.crops import Cells


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class: precision, recall and F1 from 0 to 1, and its number of cells."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of a model on one set of cells.

    Attributes:
        cells: number of cells.
        accuracy: share of right answers.
        balanced_accuracy: mean recall over the classes that occur.
        macro: mean of precision, recall and F1 over the classes that occur.
        weighted: the same, weighted by class size.
        nll: mean negative log likelihood at the temperature given.
        ece: expected calibration error, 15 bins.
        accepted: share of answers at or above the rejection threshold.
        accepted_error: share of wrong answers among those; 0 where none is accepted.
        per_class: label → figures; labels that do not occur have support 0.
        confusion: row: truth, column: answer, in the order of `labels.CLASSIFIER_LABELS`.
    """

    cells: int
    accuracy: float
    balanced_accuracy: float
    macro: ClassFigures
    weighted: ClassFigures
    nll: float
    ece: float
    accepted: float
    accepted_error: float
    per_class: dict[str, ClassFigures]
    confusion: list[list[int]]

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


def figures_of(
    logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float = 1.0, threshold: float = 0.0
) -> Figures:
    """The figures for logits (n, labels) against the true classes (n,).

    Raises:
        ValueError: there is no cell.
    """
    if not len(labels):
        msg = "no cell to judge on"
        raise ValueError(msg)
    classes = np.arange(len(CLASSIFIER_LABELS))
    answers = logits.argmax(axis=1)
    present = np.unique(labels)
    precision, recall, f1, support = precision_recall_fscore_support(labels, answers, labels=classes, zero_division=0.0)
    probabilities = softmax(logits, temperature)
    accepted = probabilities.max(axis=1) >= threshold
    wrong = answers != labels

    def mean(weights: NDArray[np.float64]) -> ClassFigures:
        p, r, f = (float(np.average(values[present], weights=weights)) for values in (precision, recall, f1))
        return ClassFigures(p, r, f, len(labels))

    return Figures(
        cells=len(labels),
        accuracy=float(np.mean(~wrong)),
        balanced_accuracy=float(np.mean(recall[present])),
        macro=mean(np.ones(len(present))),
        weighted=mean(support[present].astype(np.float64)),
        nll=negative_log_likelihood(logits, labels, temperature),
        ece=expected_calibration_error(probabilities, labels),
        accepted=float(np.mean(accepted)),
        accepted_error=float(np.mean(wrong[accepted])) if accepted.any() else 0.0,
        per_class={
            name: ClassFigures(float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, name in enumerate(CLASSIFIER_LABELS)
        },
        confusion=confusion_matrix(labels, answers, labels=classes).tolist(),
    )


def figures_by_laboratory(
    logits: NDArray[np.float32], cells: Cells, temperature: float = 1.0, threshold: float = 0.0
) -> tuple[dict[str, Figures], Figures]:
    """Figures of each laboratory, and over all cells, from logits (n, labels)."""
    by_name: dict[str, Figures] = {}
    for name in dict.fromkeys(cells.laboratories.tolist()):
        own = cells.laboratories == name
        by_name[name] = figures_of(logits[own], cells.labels[own], temperature, threshold)
    return by_name, figures_of(logits, cells.labels, temperature, threshold)


def macro_accuracy(by_name: Mapping[str, Figures]) -> float:
    """Mean accuracy over laboratories, whatever their size."""
    return float(np.mean([figures.accuracy for figures in by_name.values()]))
