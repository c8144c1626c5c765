"""Cells of no known class: which score of a classifier tells them from the cells that it learnt, and at what price.

Known at home are the held-out cells of pbc, bccd and raabin_typed, known abroad those of moticam and isfahan, unknown
taleqani's blasts and smudge cells. For each score the table has the area under the ROC curve (home against unknown),
the share of unknown cells that score as high as 95 % of the home cells, how many of the cells abroad do, and, at the
threshold that 40 % of the cells abroad reach, the share of right answers there and the unknown cells that reach it. The
scores read the int8 file's own outputs; distances are to the training cells of home, the logistic combination of all
is fitted on held-out home cells against the same with their class taken out of head and distances, one class at a time.
No score is chosen here: taleqani, moticam and isfahan are to choose by, never to train on.

    python benchmarks/unknown.py --data ../shared/data [--model FILE]
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from hemato_convert.flatbuffer.attributes import described
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.caution import device_logits, known_score
from hemato_edge.models.classifier_model import ATTRIBUTES, EMBEDDINGS, LOGITS, ClassifierModel
from hemato_edge.models.temperature import calibrated
from hemato_training.data.cell_sets import load, titled
from hemato_training.data.crops import cells_of, cut_cells, looks_of, measure_look, prepare_cells
from hemato_training.data.records import Record, in_split
from hemato_training.metrics.attributes import logits_of_each

HOME = titled(source.name for source in read_bundle(shipped_classifier()).card.training)
AWAY, UNKNOWN = ("moticam", "isfahan"), "taleqani"
KINDS = ("blast", "smudge")
SHRINKAGE = 0.1
NEIGHBOUR = 5
COVERAGE = 0.4
KEPT = 0.05
"""Of the known cells this share is given up."""
CLASSES = len(CLASSIFIER_LABELS)


@dataclass(frozen=True)
class Answers:
    """Outputs of a laboratory's cells: logits at the card's temperature (n, K), embeddings (n, d), attribute logits."""

    logits: Any
    embeddings: Any
    attributes: Any
    labels: Any
    splits: Any

    def select(self, mask: Any) -> Answers:
        """Those that `mask` picks."""
        return Answers(
            *(own[mask] for own in (self.logits, self.embeddings, self.attributes, self.labels, self.splits))
        )


class Scores:
    """The scores of a model, fitted on training cells of home; larger means better known."""

    def __init__(self, model: ClassifierModel, home: Answers, shares: dict[str, Any]) -> None:
        self._model, self._shares = model, shares
        self._middles, self._within = _spread(home.embeddings, home.labels)
        self._all, self._total = _spread(home.embeddings, np.zeros(len(home.labels), int))
        self._learnt, self._labels = home.embeddings, home.labels

    def of(self, cells: Answers, without: int | None = None) -> dict[str, Any]:
        """Name → score (n,) of each cell, as if the class `without` had never been learnt."""
        kept = [label for label in range(CLASSES) if label != without]
        logits, embeddings = cells.logits[:, kept], cells.embeddings
        order = np.sort(logits, axis=1)
        best = logits.argmax(axis=1)
        near = np.stack([_distance(embeddings, self._middles[label], self._within) for label in kept], axis=1)
        far = _distance(embeddings, self._all[0], self._total)
        home: Any = self._model.bundle.prototypes
        chosen = home.embeddings[home.labels != without].astype(float)
        apart = np.sqrt(((chosen[None] - embeddings[:, None]) ** 2).sum(axis=2))
        neighbour = np.partition(apart, NEIGHBOUR - 1, axis=1)[:, NEIGHBOUR - 1]
        spec: Any = self._model.card.embedding
        excess = np.maximum(0.0, neighbour - np.sqrt(embeddings.shape[1]))
        agreement = self._agreement(cells.attributes)[:, kept]
        drawn = {}
        if self._model.card.caution is not None and self._model.card.caution.weights:
            drawn = {"score against drawn strangers": known_score(embeddings, self._model.card.caution)}
        return drawn | {
            "largest probability": _odds(calibrated(logits, 1.0).max(axis=1)),
            "margin of the logits": order[:, -1] - order[:, -2],
            "largest logit": order[:, -1],
            "energy": _energy(logits),
            "energy of logits doubted by the 5th prototype": _energy(logits / (1 + spec.doubt * excess[:, None])),
            "5th nearest prototype": -neighbour,
            "nearest training cell": -self._nearest(embeddings, without, 1),
            "10th nearest training cell, by direction": -self._nearest(embeddings, without, 10, directions=True),
            "Mahalanobis distance": -near.min(axis=1),
            "relative Mahalanobis": -(near**2).min(axis=1) + far**2,
            "attributes agree with the name": agreement[np.arange(len(best)), best],
        }

    def _nearest(self, embeddings: Any, without: int | None, rank: int, *, directions: bool = False) -> Any:
        """Distance (n,) to the training cell of this rank, of all learnt classes but one."""
        learnt = self._learnt[self._labels != without]
        if directions:
            learnt, embeddings = (own / np.linalg.norm(own, axis=1, keepdims=True) for own in (learnt, embeddings))
        return NearestNeighbors(n_neighbors=rank).fit(learnt).kneighbors(embeddings)[0][:, -1]

    def shipped(self, cells: Answers) -> Any:
        """The confidence as the card says it."""
        return _odds(calibrated(self.lowered(cells), self._model.card.temperature).max(axis=1))

    def lowered(self, cells: Answers) -> Any:
        """The logits (n, K) as a device uses them, before the temperature."""
        card: Any = self._model.card
        logits, embeddings = cells.logits * card.temperature, cells.embeddings
        parts = (logits.astype(np.float32), embeddings.astype(np.float32), self._model.bundle.prototypes)
        return device_logits(*parts, card.embedding.doubt, card.caution)

    def _agreement(self, attributes: Any) -> Any:
        """(n, K) log of how well each class's usual attributes fit, each relative to the class that it fits best."""
        card: Any = self._model.card
        values = {spec.name: spec.values for spec in card.attributes}
        total = np.zeros((len(attributes), CLASSES))
        for spec, logits in zip(card.attributes, logits_of_each(attributes, values).values(), strict=True):
            fit = np.log(np.maximum(calibrated(logits, spec.temperature) @ self._shares[spec.name].T, 1e-6))
            total += fit - np.nanmax(fit, axis=1, keepdims=True)
        return np.nan_to_num(np.maximum(total, -8.0))  # NaN: a class that nobody described


def _spread(points: Any, labels: Any) -> tuple[Any, Any]:
    """Middle of each class (K, d), and the inverse of the shrunk covariance around them (d, d)."""
    middles = {label: points[labels == label].mean(axis=0) for label in np.unique(labels)}
    apart = points - np.stack([middles[label] for label in labels])
    covariance = apart.T @ apart / len(points)
    even = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    size = max(middles) + 1
    whole = np.stack([middles.get(label, np.full(points.shape[1], np.inf)) for label in range(size)])
    return whole, np.linalg.inv((1 - SHRINKAGE) * covariance + SHRINKAGE * even)


def _distance(points: Any, middle: Any, inverse: Any) -> Any:
    apart = points - middle
    return np.sqrt(np.einsum("ij,jk,ik->i", apart, inverse, apart))


def _energy(logits: Any) -> Any:
    """(n,) log of the sum of the exponentials (W. Liu et al., NeurIPS 2020)."""
    largest = logits.max(axis=1)
    return largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))


def _odds(shares: Any) -> Any:
    inside = np.clip(shares.astype(float), 1e-7, 1 - 1e-7)
    return np.log(inside / (1 - inside))


def prepared_cells(model: ClassifierModel, name: str, data: Path, cache: Path, split: str = "") -> tuple[Any, Any, Any]:
    """The cells of a data set as the network takes them (n, S, S, 3), their labels and splits; of one split, or all."""
    size = model.card.input.size
    if name == UNKNOWN:
        records, kinds = unknown_records(data)
        looks = {name: measure_look(records)}
        cells, labels = cut_cells(records, looks, size), np.array(kinds)
    else:
        records = load(data, (name,))
        looks = looks_of(records, cache)
        records = in_split(records, split) if split else records
        cells = cells_of(records, looks, size, cache)
        labels = cells.labels
    return prepare_cells(cells, looks), labels, np.array([record.split for record in records])


def answers_of(model: ClassifierModel, name: str, data: Path, cache: Path) -> Answers:
    """What the model gives for the cells of a data set."""
    images, labels, splits = prepared_cells(model, name, data, cache)
    parts = [model.answers(images[i : i + 64]) for i in range(0, len(images), 64)]
    logits, embeddings, attributes = (
        np.concatenate([part[output] for part in parts]).astype(float) for output in (LOGITS, EMBEDDINGS, ATTRIBUTES)
    )
    return Answers(logits / model.card.temperature, embeddings, attributes, labels, splits)


def unknown_records(data: Path) -> tuple[list[Record], list[str]]:
    """The cells of no known class; their label is a stand-in, the kind stands beside."""
    with (data / UNKNOWN / "index.csv").open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["label"] in KINDS]
    path = data / UNKNOWN
    stand_in = CLASSIFIER_LABELS[0]
    records = [Record(path / row["image"], stand_in, UNKNOWN, row["field"], "val", row["image"]) for row in rows]
    return records, [row["label"] for row in rows]


def usual_attributes(data: Path) -> dict[str, Any]:
    """Attribute → shares of its values among the described training cells of each class (K, values), NaN without."""
    records = [record for record in load(data, HOME[:1]) if record.split == "train"]
    values, answers = described(records, data)
    counts = {name: np.zeros((CLASSES, len(own))) for name, own in values.items()}
    for record in records:
        for name, value in zip(values, answers.get(f"{record.laboratory}/{record.key}", ()), strict=False):
            counts[name][CLASSIFIER_LABELS.index(record.label), value] += 1
    described_classes = next(iter(counts.values())).sum(axis=1) > 0
    shares = {name: (own + 0.5) / (own + 0.5).sum(axis=1, keepdims=True) for name, own in counts.items()}
    return {name: np.where(described_classes[:, None], own, np.nan) for name, own in shares.items()}


def combination(known: dict[str, Any], missing: list[dict[str, Any]]) -> Any:
    """A logistic regression of all scores: known cells against cells whose class was taken out."""
    positives = np.stack(list(known.values()), axis=1)
    negatives = np.concatenate([np.stack(list(one.values()), axis=1) for one in missing])
    both = np.concatenate([positives, negatives])
    middle, spread = both.mean(axis=0), both.std(axis=0)
    truth = np.repeat([1, 0], [len(positives), len(negatives)])
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=500).fit((both - middle) / spread, truth)
    return lambda scores: model.decision_function((np.stack(list(scores.values()), axis=1) - middle) / spread)


def row(name: str, score: dict[str, Any], right: dict[str, Any], kinds: Any) -> str:
    """One line of the table."""
    home, unknown = np.concatenate([score[own] for own in HOME]), score[UNKNOWN]
    reach = np.quantile(home, KEPT)
    cells = []
    for kind in KINDS:
        own = unknown[kinds == kind]
        above = float(np.mean(home[:, None] > own[None]) + np.mean(home[:, None] == own[None]) / 2)
        cells += [f"{above:.3f}", f"{100 * np.mean(own >= reach):.0f}"]
    cells.append(f"{100 * np.mean([np.mean(score[own] >= reach) for own in AWAY]):.0f}")
    steps = np.unique(np.concatenate([score[own] for own in AWAY]))
    share = np.array([np.mean([np.mean(score[own] >= step) for own in AWAY]) for step in steps])
    step = steps[np.abs(share - COVERAGE).argmin()]
    cells += [f"{100 * right[own][score[own] >= step].mean():.1f}" for own in AWAY]
    cells += [f"{100 * np.mean(unknown[kinds == kind] >= step):.0f}" for kind in KINDS]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", type=Path, default=shipped_classifier())
    parser.add_argument("--cache", type=Path, default=Path("runs/cells"))
    arguments = parser.parse_args()
    model = ClassifierModel(read_bundle(arguments.model))
    every = {name: answers_of(model, name, arguments.data, arguments.cache) for name in (*HOME, *AWAY, UNKNOWN)}
    train = [every[name].select(every[name].splits == "train") for name in HOME]
    parts = (np.concatenate([getattr(one, part) for one in train]) for part in Answers.__dataclass_fields__)
    scores = Scores(model, Answers(*parts), usual_attributes(arguments.data))
    judged = {name: one.select(one.splits == "val") if name in HOME else one for name, one in every.items()}
    found = {name: scores.of(one) for name, one in judged.items()}
    pooled = {key: np.concatenate([found[name][key] for name in HOME]) for key in found[HOME[0]]}
    missing = [
        scores.of(judged[name].select(judged[name].labels == label), without=label)
        for name in HOME
        for label in np.unique(judged[name].labels)
    ]
    combined = combination(pooled, missing)
    right = {name: judged[name].logits.argmax(axis=1) == judged[name].labels for name in AWAY}
    lowered = {name: scores.lowered(judged[name]).argmax(axis=1) == judged[name].labels for name in AWAY}
    kinds = judged[UNKNOWN].labels
    lines = [
        "| score | blasts: AUROC | named % | smudge: AUROC | named % | abroad kept % | right % moticam | isfahan "
        "| blasts % | smudge % |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        row("confidence that ships", {name: scores.shipped(one) for name, one in judged.items()}, lowered, kinds),
        *(row(key, {name: own[key] for name, own in found.items()}, right, kinds) for key in found[HOME[0]]),
        row("logistic combination of these", {name: combined(own) for name, own in found.items()}, right, kinds),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
