"""Which proof of gain lets a site's head be used where it helps, and refuses it where it harms.

Drawn laboratories, so that none of the left-out ones has a part in the choice: the held-out cells of raabin_typed and
pbc, each set photographed alike through another stain, lamp and camera that nobody calibrated
(`augment.stain_and_optics`), once with all classes alike and once with some rarer than others. In each, 50 cells are
named as `site verify` asks for them, a head is fitted, and each proof says whether it is used; the cells that were not
named judge. "Harm" is the laboratory whose balanced accuracy falls most in its mean, and the draw in which it does.

    python benchmarks/site_proof.py --data ../shared/data [--draws 5]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from travel_options import FEWEST, Journey, draw

from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.caution import device_logits
from hemato_edge.models.classifier_model import EMBEDDINGS, LOGITS, ClassifierModel
from hemato_edge.models.second_look import further_views
from hemato_edge.models.temperature import calibrated
from hemato_edge.site.gain import Gain, brier, gain_of, recalibrated, shares
from hemato_edge.vision.optics.stain import StainCalibration, apply_stain
from hemato_training.augment.stain_and_optics import change_softness, photograph_elsewhere
from hemato_training.data.cell_sets import load
from hemato_training.data.crops import cells_of, looks_of
from hemato_training.data.records import in_split, thin

if TYPE_CHECKING:
    from travel_options import Draw

    from hemato_training.data.crops import Cells, Look

LABORATORIES = {"raabin_typed": (80, 0.9), "pbc": (60, 1.3)}
"""Cells of a class, and the strength at which the shipped classifier is right of 73 to 99 % of them."""
DRAWN = 6
NAMED = 50
THRESHOLD = 0.97
UNEVEN = 1.2
"""Concentration of the distribution by which classes are rarer than others."""
LEVEL = 0.1
"""One-sided, as `site.adaptation` has it."""


@dataclass(frozen=True)
class Proof:
    """A paired score of the named cells: `score` of probabilities and labels (n,), lower is better.

    Each cell weighs by `shares` of labels (n,) and of how many it stands for (n,).
    """

    name: str
    score: Any
    recalibrated: bool
    shares: Any

    def gain(self, one: Draw) -> Gain:
        """Of the head's cross-validated answers in a draw."""
        own = one.own
        share = self.shares(own.labels, own.weights)
        before, after = (self._scores(p, own.labels, share) for p in (own.probabilities, one.trial.answers))
        return gain_of(before - after, own.fields, share)

    def _scores(self, probabilities: Any, labels: Any, share: Any) -> Any:
        if self.recalibrated:
            return recalibrated(probabilities, labels, share, self.score)
        return self.score(probabilities, labels)


def wrong_guess(probabilities: Any, labels: Any) -> Any:
    """1 where the best guess is wrong."""
    return (probabilities.argmax(axis=1) != labels).astype(float)


def log_loss(probabilities: Any, labels: Any) -> Any:
    """The negative logarithm of the true class's probability."""
    return -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-6))


def as_they_occur(labels: Any, weights: Any) -> Any:
    """Each cell for as many as it stands for."""
    return weights / weights.sum()


def all_alike(labels: Any, weights: Any) -> Any:
    """Each named cell once."""
    return np.full(len(weights), 1 / len(weights))


def classes_alike(labels: Any, weights: Any) -> Any:
    """Each class with the same weight."""
    each = weights / np.bincount(labels, weights)[labels]
    return each / each.sum()


PROOFS = (
    Proof("right guesses", wrong_guess, recalibrated=False, shares=as_they_occur),
    Proof("Brier", brier, recalibrated=False, shares=as_they_occur),
    Proof("logarithm", log_loss, recalibrated=False, shares=as_they_occur),
    Proof("Brier, recalibrated, unweighted", brier, recalibrated=True, shares=all_alike),
    Proof("logarithm, recalibrated", log_loss, recalibrated=True, shares=as_they_occur),
    Proof("Brier, recalibrated", brier, recalibrated=True, shares=as_they_occur),
    Proof("Brier, recalibrated, classes alike", brier, recalibrated=True, shares=classes_alike),
    Proof("Brier, recalibrated, classes by the root", brier, recalibrated=True, shares=shares),
)


def drawn(model: ClassifierModel, cells: Cells, looks: dict[str, Look], strength: float, seed: int) -> Journey:
    """The cells as another laboratory photographs them, in the reference stain but for the glass."""
    images = np.empty_like(cells.crops)
    for i, crop in enumerate(cells.crops):
        rng = np.random.default_rng(seed)  # the same laboratory for each cell
        soft = change_softness(crop, rng, strength)
        photographed, measured = photograph_elsewhere(soft, cells.stain(i, looks), rng, strength)
        glass = np.asarray(measured.background)
        images[i] = apply_stain(photographed, StainCalibration.reference().on_glass(glass))[:, :, ::-1]
    card: Any = model.card
    views = card.second_look_views
    every = np.concatenate([images, further_views(images, views)])
    parts = [model.answers(every[i : i + 64]) for i in range(0, len(every), 64)]
    logits, embeddings = (
        np.concatenate([part[output] for part in parts]).reshape(views, len(images), -1)
        for output in (LOGITS, EMBEDDINGS)
    )
    home: Any = model.bundle.prototypes

    def answers(seen: Any, embedded: Any) -> tuple[Any, Any]:
        lowered = device_logits(seen, embedded, home, card.embedding.doubt, card.caution)
        return calibrated(lowered, card.temperature), embedded

    means = (part.mean(axis=0, dtype=np.float32) for part in (logits, embeddings))
    first, again = answers(logits[0], embeddings[0]), answers(*means)
    fields = np.arange(len(images)).astype(str)
    return Journey(f"drawn {seed}", cells.labels, *first, fields, (home.embeddings, home.labels), again)


def rarer(journey: Journey, seed: int) -> Journey:
    """Part of a laboratory's cells, of each class another share, drawn from a Dirichlet distribution."""
    rng = np.random.default_rng(seed)
    classes = np.unique(journey.labels)
    kept_of = rng.dirichlet(np.full(len(classes), UNEVEN))
    kept = []
    for label, share in zip(classes, kept_of / kept_of.max(), strict=True):
        members = np.flatnonzero(journey.labels == label)
        kept.append(rng.permutation(members)[: max(FEWEST, round(share * len(members)))])
    chosen = np.sort(np.concatenate(kept))
    again: Any = journey.again
    return replace(
        journey,
        labels=journey.labels[chosen],
        probabilities=journey.probabilities[chosen],
        embeddings=journey.embeddings[chosen],
        fields=journey.fields[chosen],
        again=(again[0][chosen], again[1][chosen]),
    )


def table(draws: list[list[Draw]]) -> list[str]:
    """A row for each proof, from the draws of each laboratory."""
    balanced, wrong = (np.array([[one.after[k] - one.before[k] for one in own] for own in draws]) for k in (0, 5))
    rises = np.array([[one.trial.balanced_after >= one.trial.balanced_before for one in own] for own in draws])
    rows = {"always used": np.ones_like(rises), "balanced accuracy of the named does not fall": rises}
    for proof in PROOFS:
        shown = np.array([[proof.gain(one).chance <= LEVEL for one in own] for own in draws])
        rows |= {proof.name: shown, f"{proof.name}, and it does not fall": shown & rises}
    lines = [
        "| proof | used in % | balanced accuracy | worst laboratory | worst draw | wrong in 100 cells |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, used in rows.items():
        gains, more = 100 * balanced * used, 100 * wrong * used
        lines.append(
            f"| {name} | {100 * used.mean():.0f} | {gains.mean():+.2f} | {gains.mean(axis=1).min():+.1f} "
            f"| {gains.min():+.1f} | {more.mean():+.2f} |"
        )
    return lines


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path("runs/cells"))
    parser.add_argument("--draws", type=int, default=5)
    arguments = parser.parse_args()
    model = ClassifierModel(read_bundle(shipped_classifier()))
    draws = []
    for name, (each, strength) in LABORATORIES.items():
        records = thin(in_split(load(arguments.data, (name,)), "val"), each)
        looks = looks_of(records, arguments.cache)
        cells = cells_of(records, looks, model.card.input.size, arguments.cache)
        for seed in range(1, DRAWN + 1):
            even = drawn(model, cells, looks, strength, seed)
            for journey in (even.at(THRESHOLD), rarer(even, seed).at(THRESHOLD)):
                draws.append([draw(journey, THRESHOLD, NAMED, one) for one in range(arguments.draws)])
    sys.stdout.write("\n".join(table(draws)) + "\n")


if __name__ == "__main__":
    main()
