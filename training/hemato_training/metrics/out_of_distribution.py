"""Out-of-distribution detection: the model's scores on objects that are not white cells, compared with white cells.

Energy: W. Liu et al., "Energy-based out-of-distribution detection", NeurIPS 2020. Largest probability: D. Hendrycks and
K. Gimpel, ICLR 2017. Area under the ROC curve, and the false positive rate at 95 % true positives.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.evidence.bootstrap import interval, resample
from hemato_edge.labels import CLASSIFIER_LABELS, LEUKOCYTES
from hemato_training.metrics.bootstrap import weighted_auc
from hemato_training.metrics.calibration import softmax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_training.data.noncells import Strangers

KEPT = 0.95


@dataclass(frozen=True, slots=True)
class Separation:
    """How well one score separates known cells from others.

    Attributes:
        auroc: probability that a known cell scores higher than another object; 0.5 is chance level.
        interval: 95 %, bootstrap over groups.
        fpr95: share of other objects that score at least as high as 95 % of the known cells; lower is better.
    """

    auroc: float
    interval: tuple[float, float]
    fpr95: float


@dataclass(frozen=True, slots=True)
class OutlierFigures:
    """Figures of one kind of out-of-distribution object.

    Attributes:
        kind: see `noncells.KINDS`, or "left out: CLASS".
        laboratory: source of the pictures; empty for synthetic ones.
        cells: number of objects.
        compared: number of known cells for comparison.
        energy: by negative energy at temperature 1.
        confidence: by the largest calibrated probability.
        energy_same: by energy, against the white cells of the same pictures; None without such.
        answered: share that would get a class instead of "unclassified".
        named_white: share that would be classified as a white cell, and so enter a differential.
        names: label → number of objects.
    """

    kind: str
    laboratory: str
    cells: int
    compared: int
    energy: Separation
    confidence: Separation
    energy_same: Separation | None
    answered: float
    named_white: float
    names: dict[str, int]

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


def energy(logits: NDArray[np.floating[Any]], temperature: float = 1.0) -> NDArray[np.float64]:
    """(n,) -T · logsumexp(logits / T) of logits (n, labels); higher is more unusual (Liu et al. 2020, equation 4)."""
    scaled = logits.astype(np.float64) / temperature
    top = scaled.max(axis=1)
    return -temperature * (top + np.log(np.exp(scaled - top[:, None]).sum(axis=1)))  # type: ignore[no-any-return]


def separation(
    known: NDArray[np.floating[Any]],
    strange: NDArray[np.floating[Any]],
    known_groups: NDArray[np.str_] | None = None,
    strange_groups: NDArray[np.str_] | None = None,
) -> Separation:
    """How well a score (n,) that is high for known cells separates them; groups as in `bootstrap.resample`."""
    scores = np.concatenate([known, strange])
    positive = np.arange(len(scores)) < len(known)
    groups = np.concatenate(
        [
            np.char.add("known/", _groups(known_groups, len(known))),
            np.char.add("strange/", _groups(strange_groups, len(strange))),
        ]
    )
    drawn = resample(groups, np.where(positive, "known", "strange"))
    whole = np.ones((1, len(scores)), np.float32)
    # the highest threshold that at least 95 % of the known cells reach
    gate = np.sort(known)[int(np.floor((1 - KEPT) * len(known) + 1e-9))]
    return Separation(
        float(weighted_auc(whole, scores, positive)[0]),
        interval(weighted_auc(drawn, scores, positive)),
        float(np.mean(strange >= gate)),
    )


def figures_of_strangers(
    strangers: Strangers,
    logits: NDArray[np.float32],
    known: NDArray[np.float32],
    known_groups: NDArray[np.str_],
    *,
    temperature: float,
    threshold: float,
    same: NDArray[np.float32] | None = None,
) -> OutlierFigures:
    """The figures of one kind of out-of-distribution object.

    Args:
        strangers: the objects.
        logits: (n, labels) of the objects.
        known: (m, labels) logits of held-out cells of trained classes.
        known_groups: (m,) see `Answers.groups`.
        temperature: of the calibrated probabilities.
        threshold: rejection threshold.
        same: logits of the white cells in the same pictures.
    """
    mine, theirs = softmax(logits, temperature), softmax(known, temperature)
    given = mine.max(axis=1) >= threshold
    names = np.bincount(mine.argmax(axis=1)[given], minlength=len(CLASSIFIER_LABELS))
    return OutlierFigures(
        strangers.kind,
        strangers.laboratory,
        len(logits),
        len(known),
        separation(-energy(known), -energy(logits), known_groups, strangers.groups),
        separation(theirs.max(axis=1), mine.max(axis=1), known_groups, strangers.groups),
        None if same is None or not len(same) else separation(-energy(same), -energy(logits), None, strangers.groups),
        float(given.mean()),
        float(names[: len(LEUKOCYTES)].sum() / len(logits)),
        {label: int(n) for label, n in zip(CLASSIFIER_LABELS, names, strict=True) if n},
    )


def _groups(groups: NDArray[np.str_] | Sequence[str] | None, count: int) -> NDArray[np.str_]:
    return np.array([str(i) for i in range(count)] if groups is None else groups, np.str_)
