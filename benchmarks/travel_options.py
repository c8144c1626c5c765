"""What a user has on a left-out microscope: unverified, verified, or adapted. Called by `travel.py`.

Unverified: the answers from the threshold that the other left-out laboratories require, so that no cell of a laboratory
has a part in its own, with the second look at the cells below it where one was recorded. Verified: `site verify` after
`VERIFIED` reviewed cells; the answers are the same, and what counts is whether the share that it states holds. Adapted:
`site adapt` after `ADAPTED` reviewed cells, used or refused as on a device, judged on the cells that were not given.
Means over draws.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.labels import CLASSIFIER_LABELS, UNCLASSIFIED
from hemato_edge.site.adaptation import SiteEmbeddings, try_head
from hemato_edge.site.cells import SiteCell
from hemato_edge.site.head import SHARE, fit_head, head_probabilities, mixed
from hemato_edge.site.strata import ask_for, weights
from hemato_edge.site.verification import shortfall, verify
from hemato_training.metrics.calibration import LOWEST_THRESHOLD, left_out_threshold, softmax

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from hemato_convert.left_out import LeftOut
    from hemato_edge.site.adaptation import Trial

FEWEST = 10
"""Cells of a class in a laboratory, at least; rarer ones have no part."""
VERIFIED = 100
ADAPTED = (25, 50, 100)


@dataclass(frozen=True)
class Journey:
    """A recipe in a laboratory that its training left out; only cells of classes that it knows.

    Attributes:
        name: of the laboratory.
        labels: (n,) int64, the true classes.
        probabilities: (n, K) float32, calibrated, at first look.
        embeddings: (n, d) float32, likewise.
        fields: (n,) str, what is never divided by a cross-validation: slides, fields or pictures.
        home: embeddings (m, d) float32 and labels (m,) of the prototypes.
        again: probabilities and embeddings of a second look at every cell; None where none was recorded.
    """

    name: str
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    fields: NDArray[np.str_]
    home: tuple[NDArray[np.float32], NDArray[np.int64]]
    again: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    @staticmethod
    def from_stored(stored: dict[str, Any], known: LeftOut) -> Journey | None:
        """From an entry of a file of left-out runs, and its answers; None if it has no embeddings."""
        if "embeddings" not in stored:
            return None
        labels = np.asarray(stored["labels"], np.int64)
        own = np.isin(labels, [CLASSIFIER_LABELS.index(label) for label in stored["known"]])
        counts = np.bincount(known.labels, minlength=len(CLASSIFIER_LABELS))
        several = counts[known.labels] >= FEWEST
        scale, zero_point = stored["step"]

        def real(steps: Any) -> NDArray[np.float32]:
            return ((np.asarray(steps, np.float32) - zero_point) * scale).astype(np.float32)

        again = None
        if known.again is not None:
            looked = softmax(known.again, known.temperature)[several].astype(np.float32)
            again = looked, real(stored["again_embeddings"])[own][several]
        return Journey(
            known.name,
            known.labels[several],
            known.probabilities()[several].astype(np.float32),
            real(stored["embeddings"])[own][several],
            np.asarray(stored["fields"], np.str_)[own][several],
            (real(stored["home_embeddings"]), np.asarray(stored["home_labels"], np.int64)),
            again,
        )

    def at(self, threshold: float) -> Journey:
        """As a device with this threshold has it: cells below are looked at again, see `models.second_look`."""
        if self.again is None:
            return self
        unsure = self.probabilities.max(axis=1, keepdims=True) < threshold
        first = self.probabilities, self.embeddings
        looked, embeddings = (np.where(unsure, later, own) for own, later in zip(first, self.again, strict=True))
        return replace(self, probabilities=looked, embeddings=embeddings, again=None)

    def cells(self, threshold: float, seed: int, named: Collection[int]) -> list[SiteCell]:
        """As recorded cells in an order of chance; a reader has given those of these indices their true names."""
        order = np.random.default_rng(seed).permutation(len(self.labels))
        found = []
        for rank, i in enumerate(order.tolist()):
            confidence, best = float(self.probabilities[i].max()), CLASSIFIER_LABELS[self.probabilities[i].argmax()]
            name = CLASSIFIER_LABELS[self.labels[i]] if i in named else None
            answer = best if confidence >= threshold else UNCLASSIFIED
            words = {} if name is None else {"reader": name}
            found.append(SiteCell(0, rank, i, answer, best, confidence, name, words))
        return found

    def given(self, chosen: NDArray[np.int64], weight: NDArray[np.float64]) -> SiteEmbeddings:
        """The cells that a reader named, each for `weight` cells as they occur."""
        parts = (self.embeddings[chosen], self.probabilities[chosen], self.labels[chosen])
        return SiteEmbeddings(*parts, np.full(len(chosen), "one"), self.fields[chosen], weight)


def thresholds(journeys: Sequence[Journey]) -> dict[str, float]:
    """Laboratory → the threshold that the others require."""
    found = {}
    for name in dict.fromkeys(journey.name for journey in journeys):
        others = [(one.probabilities.astype(np.float64), one.labels) for one in journeys if one.name != name]
        found[name] = max(left_out_threshold(others)[0], LOWEST_THRESHOLD) if others else LOWEST_THRESHOLD
    return found


def balanced(probabilities: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """Mean recall of the classes, best guesses."""
    right = probabilities.argmax(axis=1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def judged(probabilities: NDArray[Any], labels: NDArray[np.int64], threshold: float) -> tuple[float, ...]:
    """Balanced accuracy, share answered, right of these, its interval, and wrong answers as a share of all cells."""
    given = probabilities.max(axis=1) >= threshold
    right = int((probabilities[given].argmax(axis=1) == labels[given]).sum())
    number = int(given.sum())
    low, high = clopper_pearson(right, number) if number else (np.nan, np.nan)
    share = right / number if number else np.nan
    return balanced(probabilities, labels), number / len(labels), share, low, high, (number - right) / len(labels)


def verified(journeys: Sequence[Journey], threshold: float, draws: int) -> str:
    """The row of a verified microscope: what is stated, on the average, and how often its interval holds."""
    truths = [judged(journey.probabilities, journey.labels, threshold) for journey in journeys]
    stated, holds = [], 0
    for journey, truth in zip(journeys, truths, strict=True):
        for seed in range(draws):
            cells = journey.cells(threshold, seed, named=())
            asked = ask_for(cells, VERIFIED, lambda cell: False, {cell.place for cell in cells})
            seen = journey.cells(threshold, seed, named={cell.number for cell in asked})
            if shortfall(seen) is not None:
                continue
            share = verify(seen, "0" * 64, None, datetime.now(timezone.utc)).right
            if share.value is not None and share.low is not None and share.high is not None:
                stated.append((share.value, share.low, share.high))
                holds += share.low <= truth[2] <= share.high
    start = f"| | verified, {VERIFIED} cells |"
    if not stated:
        return f"{start} too few cells | | | |"
    value, low, high = (100 * x for x in np.mean(stated, axis=0))
    mean = 100 * np.nanmean(np.asarray(truths), axis=0)
    return (
        f"{start} {mean[0]:.1f} | {mean[1]:.0f} | states {value:.1f} ({low:.1f}–{high:.1f}), "
        f"holds in {holds} of {len(stated)} | {mean[5]:.1f} |"
    )


@dataclass(frozen=True)
class Draw:
    """One draw of cells that a reader names, and a head that is fitted on them.

    Attributes:
        own: the named cells.
        trial: of the head on them.
        before: see `judged`, of the cells that were not named, without the head.
        after: the same with it, whether it is used or not.
    """

    own: SiteEmbeddings
    trial: Trial
    before: tuple[float, ...]
    after: tuple[float, ...]


def draw(journey: Journey, threshold: float, wanted: int, seed: int) -> Draw:
    """So many cells, asked for as on a device, in an order of chance."""
    cells = journey.cells(threshold, seed, named=())
    asked = ask_for(cells, wanted, lambda cell: False, {cell.place for cell in cells})
    places, given = {cell.place for cell in asked}, np.array([cell.number for cell in asked])
    weight, _ = weights(cells, lambda cell: cell.place in places)
    own = journey.given(given, np.array([weight[cell.place] for cell in asked]))
    trial = try_head(*journey.home, own, threshold)
    rest = np.setdiff1d(np.arange(len(journey.labels)), given)
    shipped, labels = journey.probabilities[rest], journey.labels[rest]
    head = fit_head(*journey.home, own.embeddings, own.labels, shipped.shape[1])
    answers = mixed(shipped, head_probabilities(head, journey.embeddings[rest]), SHARE)
    return Draw(own, trial, judged(shipped, labels, threshold), judged(answers, labels, trial.threshold))


def adapted(journeys: Sequence[Journey], threshold: float, wanted: int, draws: int) -> str:
    """The row of an adapted microscope: before → after on the cells that were not given, and how often it is used."""
    every = [draw(journey, threshold, wanted, seed) for journey in journeys for seed in range(draws)]
    used = [one.trial.refusal is None for one in every]
    rows = [(*one.before, *(one.after if use else one.before)) for one, use in zip(every, used, strict=True)]
    found = 100 * np.asarray(rows)
    mean, worst = np.nanmean(found, axis=0), float((found[:, 6] - found[:, 0]).min())
    return (
        f"| | adapted, {wanted} cells, used in {sum(used)} of {len(rows)} | {mean[0]:.1f} → {mean[6]:.1f} "
        f"(worst {worst:+.1f}) | {mean[1]:.0f} → {mean[7]:.0f} "
        f"| {mean[2]:.1f} → {mean[8]:.1f} ({mean[9]:.1f}–{mean[10]:.1f}) | {mean[5]:.1f} → {mean[11]:.1f} |"
    )


def options_table(journeys: Sequence[Journey], draws: int) -> list[str]:
    """The lines of the table: the options of each laboratory, means over its runs."""
    lines = [
        "| left out | option | balanced % | answered % | right of answered % (95 %) | wrong in 100 cells |",
        "|---|---|--:|--:|--:|--:|",
    ]
    limits = thresholds(journeys)
    for name, limit in limits.items():
        own = [journey.at(limit) for journey in journeys if journey.name == name]
        every = np.asarray([judged(one.probabilities, one.labels, limit) for one in own])
        first, answered, right, low, high, wrong = 100 * np.nanmean(every, axis=0)
        lines.append(
            f"| {name}, {len(own[0].labels)} cells | unverified, from {limit:.3f} | {first:.1f} | {answered:.0f} "
            f"| {right:.1f} ({low:.1f}–{high:.1f}) | {wrong:.1f} |"
        )
        lines += [verified(own, limit, draws), *(adapted(own, limit, wanted, draws) for wanted in ADAPTED)]
    return lines
