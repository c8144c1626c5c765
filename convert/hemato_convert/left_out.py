"""The rejection threshold for microscopes outside the training data, and the recipe's accuracy there.

In-distribution cells cannot set it: nearly every confident answer on them is right. So each laboratory in turn is left
out, the same recipe is trained without it and converted, and the int8 answers for that laboratory's cells choose the
threshold (`benchmarks/travel.py --out` writes them). Laboratories used only for evaluation are added with the
answers of the model itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.errors import DataError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.data.cell_sets import LABORATORIES
from hemato_training.metrics.calibration import left_out_threshold, softmax

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A recipe's answers for a laboratory left out of its training; only cells of classes that it knows.

    Attributes:
        name: of the laboratory.
        labels: (n,) int64, the true classes.
        logits: (n, labels) float32, from the int8 model.
        temperature: fitted on that model's own in-distribution cells.
        again: (n, labels) float32, the same of a second look at every cell, None without one.
    """

    name: str
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    temperature: float
    again: NDArray[np.float32] | None = None

    def probabilities(self) -> NDArray[np.float64]:
        """(n, labels) float64, calibrated with this temperature, at first look."""
        return softmax(self.logits, self.temperature)

    def at(self, threshold: float) -> NDArray[np.float64]:
        """The same with a second look at the cells below a threshold."""
        first = self.probabilities()
        if self.again is None:
            return first
        sure = first.max(axis=1, keepdims=True) >= threshold
        return np.where(sure, first, softmax(self.again, self.temperature))


@dataclass(frozen=True, slots=True)
class LeftOutFigures:
    """Figures of the left-out laboratories at one threshold.

    Attributes:
        threshold: chosen on them.
        reached: whether it reaches the required accuracy.
        right: laboratory → share of right answers among those given.
        answered: laboratory → share of cells that got an answer.
        counts: laboratory → cells; rows truth, columns answer, the last one "unclassified".
    """

    threshold: float
    reached: bool
    right: dict[str, float]
    answered: dict[str, float]
    counts: dict[str, tuple[tuple[int, ...], ...]]


def read_left_out(path: Path, views: int) -> list[LeftOut]:
    """The left-out laboratories in a file from `benchmarks/travel.py --out`, one entry per laboratory and seed.

    Args:
        path: the file.
        views: of the second look that is asked about; entries that recorded none, or another, are of one look.

    Raises:
        DataError: it cannot be read as such.
    """
    try:
        journeys = json.loads(path.read_text(encoding="utf-8"))["journeys"]
        return [_left_out(journey, views) for journey in journeys]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} has no answers for left-out laboratories ({error}).",
            "Write it with benchmarks/travel.py --out.",
        ) from error


def _left_out(journey: dict[str, Any], views: int) -> LeftOut:
    labels = np.asarray(journey["labels"], np.int64)
    known = np.isin(labels, [CLASSIFIER_LABELS.index(label) for label in journey["known"]])

    def logits_in(entry: str) -> NDArray[np.float32]:
        logits = np.asarray(journey[entry], np.float32)
        if logits.shape != (len(labels), len(CLASSIFIER_LABELS)):
            raise ValueError(f"{entry} {logits.shape} for {len(labels)} cells")
        return logits[known]

    again = logits_in("again") if views > 1 and journey.get("views") == views else None
    return LeftOut(str(journey["away"]), labels[known], logits_in("logits"), float(journey["temperature"]), again)


def only_judged(data: Path) -> tuple[str, ...]:
    """The laboratories under `data` that are never trained on."""
    return tuple(name for name, lab in LABORATORIES.items() if not lab.trainable and (data / name).is_dir())


def left_out_figures(left_out: Sequence[LeftOut], least: float) -> LeftOutFigures:
    """The threshold that the left-out laboratories require at first look, `least` at least, and the figures at it."""
    asked, reached = left_out_threshold([(one.probabilities(), one.labels) for one in left_out])
    threshold = max(asked, least)
    plain, right, answered = counts_at(left_out, threshold), {}, {}
    for name, rows in plain.items():
        matrix = np.asarray(rows)
        given = matrix[:, :-1].sum()
        answered[name] = float(given / matrix.sum())
        right[name] = float(np.trace(matrix[:, :-1]) / given) if given else 1.0
    return LeftOutFigures(threshold, reached, right, answered, plain)


def counts_at(left_out: Sequence[LeftOut], threshold: float) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Laboratory → cells at a threshold; rows truth, columns answer, the last one "unclassified"."""
    counts: dict[str, NDArray[np.int64]] = {}
    for one in left_out:
        matrix = counts.setdefault(one.name, np.zeros((len(CLASSIFIER_LABELS), len(CLASSIFIER_LABELS) + 1), np.int64))
        probabilities = one.at(threshold)
        answers = np.where(probabilities.max(axis=1) >= threshold, probabilities.argmax(axis=1), len(CLASSIFIER_LABELS))
        np.add.at(matrix, (one.labels, answers), 1)
    return {name: tuple(tuple(int(n) for n in row) for row in matrix) for name, matrix in counts.items()}
