"""Gain from a site's own head: some cells of a foreign laboratory are labelled, and the others evaluated.

For each laboratory, 25, 50 and 100 of its cells are drawn as `site verify` selects them (evenly over the shipped
classifier's answers), a head is fitted on them together with the model's prototypes, and its mixture with the shipped
answer is evaluated on the laboratory's other cells: balanced accuracy of the best guesses, and the share of right
answers among as many cells as the shipped classifier answers. Classes with fewer than ten cells in a laboratory are
skipped. "used" is the share of draws in which `site adapt` would use the head rather than refuse it, and the last
column the mean gain in balanced accuracy with that rule, in points.

    python benchmarks/site.py --data ../shared/data [--model FILE] [--draws 20] [--cells 25 50 100]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hemato_edge.labels import CLASSIFIER_LABELS, UNCLASSIFIED
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.site.adaptation import SiteEmbeddings, try_head
from hemato_edge.site.cells import SiteCell
from hemato_edge.site.head import SHARE, fit_head, head_probabilities, mixed
from hemato_edge.site.strata import ask_for
from hemato_edge.vision.classify.classifier import calibrated
from hemato_edge.vision.classify.single_cells import find_cell, learn
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_edge.vision.slide_appearance import WHOLE_SET, AppearanceEstimator
from hemato_training.data.cell_sets import load
from hemato_training.data.crops import Look, cells_of, prepare_cells, read_picture

LOOK_PICTURES = 150
FEWEST = 10
"""Minimum number of cells of an evaluated class."""


@dataclass(frozen=True)
class Answers:
    """Embeddings (n, d), calibrated probabilities (n, K) and labels (n,) of a laboratory's cells."""

    embeddings: Any
    probabilities: Any
    labels: Any


class Network:
    """A bundle's network with its embedding, answering as a device takes it."""

    def __init__(self, path: Path) -> None:
        self._model = ClassifierModel(read_bundle(path))
        self.card: Any = self._model.card
        self.prototypes: Any = self._model.bundle.prototypes
        if self.prototypes is None:
            raise SystemExit(f"{path} has no embedding: convert it with --embedding")

    def answers(self, images: Any, labels: Any) -> Answers:
        """Of images (n, S, S, 3) uint8 RGB."""
        parts = [self._model.outputs(images[i : i + 64]) for i in range(0, len(images), 64)]
        logits = np.concatenate([part.logits for part in parts])
        embeddings = np.concatenate([part.embeddings for part in parts])  # type: ignore[misc]  # it has the output
        return Answers(embeddings, calibrated(logits, self.card.temperature), labels)


def session_look(records: list[Any]) -> Look:
    """Scale and stain as measured by the device over a set of pictures."""
    looks, locator = AppearanceEstimator(WHOLE_SET), OpenCvLocator()
    for record in records[:: max(1, len(records) // LOOK_PICTURES)]:
        view = FieldView(read_picture(record.path))
        learn(view, find_cell(view), locator, looks)
    found = looks.appearance()
    if found is None:
        raise SystemExit(f"{records[0].laboratory} shows no scale")
    return Look(found.red_cell_px, found.stain, len(records))


def laboratory(network: Network, name: str, data: Path, cache: Path) -> Answers:
    """The answers for all cells of a laboratory except classes with too few."""
    records = load(data, (name,))
    counts = {label: sum(r.label == label for r in records) for label in CLASSIFIER_LABELS}
    chosen = [r for r in records if counts[r.label] >= FEWEST]
    looks = {name: session_look(chosen)}
    cells = cells_of(chosen, looks, network.card.input.size, cache)
    return network.answers(prepare_cells(cells, looks), cells.labels)


def drawn(site: Answers, threshold: float, wanted: int, seed: int) -> Any:
    """Indices of the cells that are labelled."""
    order = np.random.default_rng(seed).permutation(len(site.labels))
    confidence, best = site.probabilities.max(axis=1), site.probabilities.argmax(axis=1)
    cells = [
        SiteCell(0, rank, int(i), CLASSIFIER_LABELS[best[i]] if confidence[i] >= threshold else UNCLASSIFIED,
                 CLASSIFIER_LABELS[best[i]], float(confidence[i]), None, {})
        for rank, i in enumerate(order)
    ]  # fmt: skip
    asked = ask_for(cells, wanted, lambda cell: False, {cell.place for cell in cells})
    return np.array([cell.number for cell in asked])


def balanced(probabilities: Any, labels: Any) -> float:
    """Mean recall of the classes, best guesses."""
    right = probabilities.argmax(axis=1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def right_of(probabilities: Any, labels: Any, number: int) -> float:
    """Share of right answers among the `number` most confident ones."""
    surest = np.argsort(-probabilities.max(axis=1), kind="stable")[:number]
    return float((probabilities[surest].argmax(axis=1) == labels[surest]).mean())


def shows_gain(home: Any, site: Answers, given: Any, threshold: float) -> bool:
    """Whether `site adapt` would use the head fitted on these cells."""
    cell = np.arange(len(given)).astype(str)
    own = SiteEmbeddings(
        site.embeddings[given], site.probabilities[given], site.labels[given], np.full(len(given), "one"), cell
    )
    return try_head(home.embeddings, home.labels, own, threshold).refusal is None


def trial(home: Any, site: Answers, threshold: float, wanted: int, seed: int) -> tuple[float, ...]:
    """Balanced accuracy before and after, right of answered before and after, coverage, and whether it is used.

    On the cells that were not labelled.
    """
    given = drawn(site, threshold, wanted, seed)
    rest = np.setdiff1d(np.arange(len(site.labels)), given)
    weights = fit_head(home.embeddings, home.labels, site.embeddings[given], site.labels[given], len(CLASSIFIER_LABELS))
    shipped, labels = site.probabilities[rest], site.labels[rest]
    after = mixed(shipped, head_probabilities(weights, site.embeddings[rest]), SHARE)
    answered = int((shipped.max(axis=1) >= threshold).sum())
    shares = (right_of(shipped, labels, answered), right_of(after, labels, answered)) if answered else (np.nan, np.nan)
    used = shows_gain(home, site, given, threshold)
    return balanced(shipped, labels), balanced(after, labels), *shares, answered / len(rest), float(used)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", type=Path, default=shipped_classifier())
    parser.add_argument("--away", nargs="+", default=["isfahan", "moticam", "raabin_typed"])
    parser.add_argument("--cells", nargs="+", type=int, default=[25, 50, 100])
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--cache", type=Path, default=Path("runs/cells"))
    arguments = parser.parse_args()
    network = Network(arguments.model)
    threshold = network.card.rejection_threshold
    home = network.prototypes
    print(f"model {arguments.model.name}, {arguments.draws} draws")
    print("| laboratory | cells given | balanced % (mean, worst gain) | answered % | right % | used % | gain |")
    print("|---|--:|---|--:|---|--:|--:|")
    for name in arguments.away:
        site = laboratory(network, name, arguments.data, arguments.cache)
        for wanted in arguments.cells:
            found = 100 * np.array([trial(home, site, threshold, wanted, seed) for seed in range(arguments.draws)])
            gains, means = found[:, 1] - found[:, 0], found.mean(axis=0)
            right = "–" if np.isnan(means[2]) else f"{means[2]:.1f} → {means[3]:.1f}"
            print(
                f"| {name} | {wanted} | {means[0]:.1f} → {means[1]:.1f} ({gains.mean():+.1f}, {gains.min():+.1f}) "
                f"| {means[4]:.0f} | {right} | {means[5]:.0f} | {(gains * found[:, 5] / 100).mean():+.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
