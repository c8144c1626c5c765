"""A second look at unsure cells: what further views of the same crop gain, and what they let through.

A cell below the card's threshold is classified again by the mean over 2, 4 or 8 views of its crop (mirrored, turned by
quarters): of the probabilities, of the lowered logits, or of logits and embeddings before caution lowers them
("network", as `hemato_edge.models.second_look`). Home are the held-out cells of the laboratories on the card, abroad
those that are only judged by, unknown taleqani's blasts and smudge cells. Each entry has the share answered, and the
right ones of the answered with their exact 95 % interval; then the balanced accuracy of the best guesses.

The second table fits a threshold of the second look on half of the cells abroad, the lowest at which no smaller share
of the answered is right than with one view, and judges it on the other half: means over the draws. So it does for one
view with a lower threshold: what the same answers would cost without further views.

    python benchmarks/second_look.py --data ../shared/data [--model FILE] [--draws 200]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from unknown import AWAY, HOME, KINDS, UNKNOWN, prepared_cells

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.caution import device_logits
from hemato_edge.models.classifier_model import EMBEDDINGS, LOGITS, ClassifierModel
from hemato_edge.models.second_look import VIEWS, further_views
from hemato_edge.models.temperature import calibrated

MEANS = ("probabilities", "logits", "network")
STEPS = np.concatenate([np.arange(0.90, 0.98, 0.005), np.arange(0.98, 0.9991, 0.0005)])
"""Thresholds that are tried."""


@dataclass(frozen=True)
class Views:
    """What the network gives for the 8 views of each cell, upright first: logits (8, n, K), embeddings (8, n, d)."""

    logits: Any
    embeddings: Any
    labels: Any


class Answers:
    """Probabilities of a laboratory's cells by the mean over views."""

    def __init__(self, model: ClassifierModel, seen: Views) -> None:
        self._model, self._seen, self.labels = model, seen, seen.labels
        self.first = self.mean(1, "network")

    def mean(self, views: int, how: str) -> Any:
        """(n, K) of the first `views` views: see the module."""
        chosen = order(views)
        logits, embeddings = self._seen.logits[chosen], self._seen.embeddings[chosen]
        if how == "network":
            return self._calibrated(self._lowered(logits.mean(axis=0), embeddings.mean(axis=0)))
        each = [self._lowered(*one) for one in zip(logits, embeddings, strict=True)]
        if how == "logits":
            return self._calibrated(np.mean(each, axis=0))
        return np.mean([self._calibrated(one) for one in each], axis=0)

    def _lowered(self, logits: Any, embeddings: Any) -> Any:
        card: Any = self._model.card
        parts = logits.astype(np.float32), embeddings.astype(np.float32), self._model.bundle.prototypes
        return device_logits(*parts, card.embedding.doubt, card.caution)

    def _calibrated(self, logits: Any) -> Any:
        return calibrated(logits, self._model.card.temperature)


def order(views: int) -> list[int]:
    """Places of the views among the eight of `further_views`: turns 0 to 3, then mirrored 0 to 3."""
    return {1: [0], 2: [0, 4], 4: [0, 1, 2, 3], 8: list(range(8))}[views]


def judged(first: Any, again: Any, threshold: float, second: float) -> tuple[Any, Any]:
    """Best guesses (n,), and which are answered; those below `threshold` by a second look from `second` on."""
    sure = first.max(axis=1) >= threshold
    return np.where(sure, first.argmax(axis=1), again.argmax(axis=1)), sure | (again.max(axis=1) >= second)


def entry(best: Any, given: Any, labels: Any) -> str:
    """One laboratory's cell of the table."""
    right = int((best == labels)[given].sum())
    low, high = clopper_pearson(right, int(given.sum()))
    several = [label for label in np.unique(labels) if np.count_nonzero(labels == label) > 1]
    balanced = np.mean([(best == labels)[labels == label].mean() for label in several])
    return (
        f"{100 * given.mean():.1f}, {right} of {given.sum()} ({100 * low:.1f}–{100 * high:.1f}), {100 * balanced:.1f}"
    )


def first_table(answers: dict[str, Answers], threshold: float) -> list[str]:
    """Every number of views and kind of mean, at the card's threshold."""
    lines = [
        f"| views | mean of | {' | '.join((*HOME, *AWAY))} | {' | '.join(f'{kind}s named' for kind in KINDS)} |",
        "|--:|---|" + "--:|" * (len(HOME) + len(AWAY) + len(KINDS)),
    ]
    for views, how in [(1, "–"), *((views, how) for views in VIEWS[1:] for how in MEANS)]:
        cells = []
        for name, own in answers.items():
            again = own.first if views == 1 else own.mean(views, how)
            best, given = judged(own.first, again, threshold, threshold)
            if name == UNKNOWN:
                cells += [f"{given[own.labels == kind].sum()} of {(own.labels == kind).sum()}" for kind in KINDS]
            else:
                cells.append(entry(best, given, own.labels))
        lines.append(f"| {views} | {how} | {' | '.join(cells)} |")
    return lines


def refitted(answers: dict[str, Answers], views: int, how: str, threshold: float, draws: int) -> str:
    """A row: threshold of the second look fitted on half of the cells abroad; figures of the other half."""
    rows = []
    pairs = {name: (own.first, own.first if views == 1 else own.mean(views, how)) for name, own in answers.items()}
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        half = {name: rng.permutation(len(answers[name].labels)) % 2 == 0 for name in AWAY}

        def share(second: float, part: bool, half: dict[str, Any] = half) -> tuple[float, float]:
            found = []
            for name in AWAY:
                own = half[name] == part
                best, given = judged(*(side[own] for side in pairs[name]), threshold, second)
                found.append((given.mean(), (best == answers[name].labels[own])[given].mean()))
            return tuple(np.mean(found, axis=0))

        asked = share(threshold, True)[1] if views == 1 else share(2.0, True)[1]
        fits = [step for step in STEPS if share(step, True)[1] >= asked]
        second = min(fits, default=2.0)
        named = [judged(*pairs[UNKNOWN], threshold, second)[1][answers[UNKNOWN].labels == kind] for kind in KINDS]
        home = [judged(*pairs[name], threshold, second) for name in HOME]
        right = np.mean(np.concatenate([(b == answers[n].labels)[g] for n, (b, g) in zip(HOME, home, strict=True)]))
        rows.append((second, *share(2.0, False), *share(second, False), right, *(own.mean() for own in named)))
    mean = np.mean(rows, axis=0)
    shares = [f"{100 * value:.1f}" for value in mean[1:]]
    return f"| {views} | {how} | {np.median([one[0] for one in rows]):.4f} | {' | '.join(shares)} |"


def views_of(model: ClassifierModel, name: str, data: Path, cache: Path) -> Views:
    """All views of a laboratory's cells, of home the held-out ones."""
    images, labels, _ = prepared_cells(model, name, data, cache, "val" if name in HOME else "")
    every = np.concatenate([images, further_views(images, 8)])
    parts = [model.answers(every[i : i + 64]) for i in range(0, len(every), 64)]
    logits, embeddings = (np.concatenate([part[output] for part in parts]) for output in (LOGITS, EMBEDDINGS))
    return Views(logits.reshape(8, len(images), -1), embeddings.reshape(8, len(images), -1), labels)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", type=Path, default=shipped_classifier())
    parser.add_argument("--cache", type=Path, default=Path("runs/cells"))
    parser.add_argument("--draws", type=int, default=200)
    arguments = parser.parse_args()
    model = ClassifierModel(read_bundle(arguments.model))
    threshold = model.card.rejection_threshold
    answers = {
        name: Answers(model, views_of(model, name, arguments.data, arguments.cache)) for name in (*HOME, *AWAY, UNKNOWN)
    }
    lines = [
        *first_table(answers, threshold),
        "",
        "| views | mean of | second threshold | before: answered % | right % | after: answered % | right % "
        f"| right at home % | {' | '.join(f'{kind}s named %' for kind in KINDS)} |",
        "|--:|---|--:|--:|--:|--:|--:|--:|" + "--:|" * len(KINDS),
        *(refitted(answers, v, how, threshold, arguments.draws) for v in VIEWS[1:] for how in MEANS),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
