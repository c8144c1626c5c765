"""Cross-validation of a site's own head: fitted on part of its cells, evaluated on the others, in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.site.gain import LEAST_GAIN, Gain, gain
from hemato_edge.site.head import SHARE, fit_head, head_probabilities, mixed
from hemato_edge.site.parts import Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LEAST_CELLS = 25
"""Reviewed cells that a head is fitted on, at least."""
LEAST_CLASSES = 2
_FOLDS = 5
_BY_CHANCE = 0.1
"""A gain that chance alone would give more often than so is not shown."""


@dataclass(frozen=True, slots=True)
class SiteEmbeddings:
    """A site's reviewed cells.

    Attributes:
        embeddings: (n, d) float32.
        probabilities: (n, K) float32, the shipped classifier's calibrated answers.
        labels: (n,) int64, what a person called them.
        slides: (n,) str, session or picture; cells of one slide are never on both sides.
        fields: (n,) str, divided where there are too few slides.
        weights: (n,) float64, how many cells as they occur each stands for (`strata.weights`): the cells that a reader
            is asked for are mostly doubtful ones. One each where it is None.
    """

    embeddings: Floats
    probabilities: Floats
    labels: NDArray[np.int64]
    slides: NDArray[np.str_]
    fields: NDArray[np.str_]
    weights: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Trial:
    """A head's cross-validated results.

    Attributes:
        answers: (n, K) float32, the mixture's cross-validated answers.
        threshold: at which the mixture answers no more of the cells, as they occur, than the shipped classifier does.
        before: of the answered cells, those that are right, shipped.
        after: the same of the mixture.
        balanced_before: mean recall of the classes as they occur, best guesses, shipped.
        balanced_after: the same of the mixture.
        gain: of the mixture over the shipped answers.
        divided_by: "session" or "field".
    """

    answers: Floats
    threshold: float
    before: Share
    after: Share
    balanced_before: float
    balanced_after: float
    gain: Gain
    divided_by: str

    @property
    def refusal(self) -> str | None:
        """Why the head is not used, in words; None if its gain is shown."""
        if self.gain.mean < LEAST_GAIN:
            return "its answers to cells that it did not learn from are no better"
        if self.gain.chance > _BY_CHANCE:
            return f"chance alone gives a gain like its own in {100 * self.gain.chance:.0f} of 100 cases"
        return None


def shortfall(cells: SiteEmbeddings) -> str | None:
    """Why these cells do not suffice for fitting, in words; None if they do."""
    if len(cells) < LEAST_CELLS:
        return f"{len(cells)} named cells with a picture, {LEAST_CELLS} are needed"
    if len(np.unique(cells.labels)) < LEAST_CLASSES:
        return "all of the named cells are of one class"
    return None


def try_head(home: Floats, home_labels: NDArray[np.int64], cells: SiteEmbeddings, rejection_threshold: float) -> Trial:
    """Fit heads on parts of the site's cells and evaluate them on the others.

    Args:
        home: (m, d) float32, embeddings of home cells.
        home_labels: (m,) int64, their classes.
        cells: of the site.
        rejection_threshold: of the shipped classifier.
    """
    classes = cells.probabilities.shape[1]
    folds, divided_by = divided(cells.slides, cells.fields)
    answers = cells.probabilities.copy()
    for fold in np.unique(folds):
        left = folds == fold
        if left.all():
            continue
        weights = fit_head(home, home_labels, cells.embeddings[~left], cells.labels[~left], classes)
        own = head_probabilities(weights, cells.embeddings[left])
        answers[left] = mixed(cells.probabilities[left], own, SHARE)
    shipped_right = cells.probabilities.argmax(axis=1) == cells.labels
    right = answers.argmax(axis=1) == cells.labels
    confidence = answers.max(axis=1)
    answered = cells.probabilities.max(axis=1) >= rejection_threshold
    threshold = _threshold(confidence, answered, cells.weights, rejection_threshold)
    groups = cells.slides if divided_by == "session" else cells.fields
    return Trial(
        answers=answers,
        threshold=threshold,
        before=_share(shipped_right[answered]),
        after=_share(right[confidence >= threshold]),
        balanced_before=_balanced(shipped_right, cells),
        balanced_after=_balanced(right, cells),
        gain=gain(cells.probabilities, answers, cells.labels, groups, cells.weights),
        divided_by=divided_by,
    )


def divided(
    slides: Sequence[str] | NDArray[np.str_], fields: Sequence[str] | NDArray[np.str_]
) -> tuple[NDArray[np.int64], str]:
    """The fold of each cell (n,), and the unit of the split: whole slides if there are three, else fields."""
    names = np.asarray(slides)
    by = "session"
    if len(np.unique(names)) < 3:
        names, by = np.asarray(fields), "field"
    unique, place, sizes = np.unique(names, return_inverse=True, return_counts=True)
    fold_of, filled = np.zeros(len(unique), np.int64), np.zeros(min(_FOLDS, len(unique)), np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        fold_of[group] = int(filled.argmin())
        filled[fold_of[group]] += sizes[group]
    return fold_of[place], by


def _threshold(
    confidence: NDArray[np.float32],
    answered: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    otherwise: float,
) -> float:
    """The confidence at which cells of the same weight are answered, or a little less; `otherwise` if none was."""
    if not answered.any():
        return otherwise
    each = np.ones(len(confidence)) if weights is None else weights
    order = np.argsort(-confidence, kind="stable")
    number = int(np.count_nonzero(np.cumsum(each[order]) <= each[answered].sum() * (1 + 1e-9)))
    ends = np.concatenate([[1.0], confidence[order], [0.0]])
    return min((float(ends[number]) + float(ends[number + 1])) / 2, 0.999)


def _share(right: NDArray[np.bool_]) -> Share:
    if not len(right):
        return Share(value=None, low=None, high=None)
    low, high = clopper_pearson(int(right.sum()), len(right))
    return Share(value=float(right.mean()), low=low, high=high)


def _balanced(right: NDArray[np.bool_], cells: SiteEmbeddings) -> float:
    each = np.ones(len(right)) if cells.weights is None else cells.weights
    present = [cells.labels == label for label in np.unique(cells.labels)]
    return float(np.mean([np.average(right[own], weights=each[own]) for own in present]))
