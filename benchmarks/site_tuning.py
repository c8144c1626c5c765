"""What `train site` gains: cells of a laboratory that was never learnt are given back, and the others are judged.

For each laboratory so many of its cells are drawn at random, the last blocks of the shipped network learn from them
together with home cells as `train site` does, and its other cells are asked for: balanced accuracy of the best guesses
(a class with one cell does not count), right answers among the surest half, and balanced accuracy on home cells.
Float networks both, without the device's doubt. The laboratories are those that may only be judged on: nothing that is
trained here is kept.

    python benchmarks/site_tuning.py --data ../shared/data [--draws 2] [--cells 25 50 100]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_training.augment.stain_and_optics import MARGIN
from hemato_training.classify.site_tuning import Tuning, tune
from hemato_training.data.cell_sets import load, titled
from hemato_training.data.crops import Cells, Look, cells_of, looks_of, prepare_cells
from hemato_training.data.records import in_split, thin
from hemato_training.metrics.calibration import softmax
from hemato_training.networks.backbones import build_classifier
from hemato_training.networks.keras_model import keras_logits
from hemato_training.progress import Silent

PER_CLASS = 60
"""Home cells of each laboratory, class and split."""
CARD: Any = read_bundle(shipped_classifier()).card
AWAY = ("isfahan", "moticam")


@dataclass(frozen=True)
class Laboratory:
    """A laboratory's cells with margin, as the network takes them, and its look."""

    cells: Cells
    images: Any
    looks: dict[str, Look]

    @staticmethod
    def read(name: str, data: Path, cache: Path) -> Laboratory:
        """All of its cells."""
        records = load(data, (name,))
        looks = looks_of(records, cache)
        plain = cells_of(records, looks, CARD.input.size, cache)
        return Laboratory(cells_of(records, looks, CARD.input.size, cache, MARGIN), prepare_cells(plain, looks), looks)


def balanced(logits: Any, labels: Any) -> float:
    """Mean recall, percent, of the classes with more than one cell."""
    right = logits.argmax(axis=1) == labels
    several = [label for label in np.unique(labels) if np.count_nonzero(labels == label) > 1]
    return 100 * float(np.mean([right[labels == label].mean() for label in several]))


def of_surest_half(logits: Any, labels: Any) -> float:
    """Right answers, percent, among the surest half."""
    surest = np.argsort(-softmax(logits, 1.0).max(axis=1), kind="stable")[: len(labels) // 2]
    return 100 * float(np.mean(logits[surest].argmax(axis=1) == labels[surest]))


class Network:
    """The shipped network, with home's cells to mix in and to judge by."""

    def __init__(self, data: Path, cache: Path) -> None:
        every = load(data, titled(source.name for source in CARD.training))
        self._looks = looks_of(every, cache)
        thinned = thin(every, PER_CLASS)
        self._home = cells_of(in_split(thinned, "train"), self._looks, CARD.input.size, cache, MARGIN)
        self._val = cells_of(in_split(thinned, "val"), self._looks, CARD.input.size, cache)
        self._held_out = prepare_cells(self._val, self._looks)
        self._model = build_classifier(
            CARD.architecture, CARD.input.size, len(CLASSIFIER_LABELS), weights=str(shipped_classifier())
        )
        self._shipped = self._model.get_weights()

    def tuned(self, site: Cells | None, looks: dict[str, Look], seed: int) -> Network:
        """The shipped weights, tuned to the site's cells (with margin) if there are any."""
        self._model.set_weights(self._shipped)
        if site is not None:
            tune(self._model, self._home, site, {**self._looks, **looks}, Tuning(seed=seed), Silent())
        return self

    def logits(self, images: Any) -> Any:
        """Of images (n, S, S, 3)."""
        return keras_logits(self._model, images)

    def at_home(self) -> float:
        """Balanced accuracy on held-out home cells, percent."""
        return balanced(self.logits(self._held_out), self._val.labels)


def trial(network: Network, laboratory: Laboratory, before: Any, wanted: int, draw: int) -> tuple[float, ...]:
    """Balanced accuracy before and after, right of the surest half likewise, home after, and seconds."""
    began = time.monotonic()
    labels = laboratory.cells.labels
    given = np.random.default_rng(draw).permutation(len(labels))[:wanted]
    rest = np.setdiff1d(np.arange(len(labels)), given)
    network.tuned(laboratory.cells.select(given), laboratory.looks, draw + 1)
    after, truth = network.logits(laboratory.images[rest]), labels[rest]
    return (
        *(balanced(before[rest], truth), balanced(after, truth)),
        *(of_surest_half(before[rest], truth), of_surest_half(after, truth)),
        *(network.at_home(), time.monotonic() - began),
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--away", nargs="+", default=list(AWAY))
    parser.add_argument("--cells", nargs="+", type=int, default=[25, 50, 100])
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path("runs/cells"))
    arguments = parser.parse_args()
    network = Network(arguments.data, arguments.cache)
    at_home = network.at_home()
    say = sys.stdout.write
    say("| laboratory | cells given | balanced % (worst gain) | right of the surest half % | home, balanced % | s |\n")
    say("|---|--:|---|---|---|--:|\n")
    for name in arguments.away:
        laboratory = Laboratory.read(name, arguments.data, arguments.cache)
        before = network.tuned(None, {}, 0).logits(laboratory.images)
        for wanted in arguments.cells:
            found = np.array([trial(network, laboratory, before, wanted, draw) for draw in range(arguments.draws)])
            mean, worst = found.mean(axis=0), float((found[:, 1] - found[:, 0]).min())
            say(
                f"| {name} | {wanted} | {mean[0]:.1f} → {mean[1]:.1f} ({worst:+.1f}) | {mean[2]:.1f} → {mean[3]:.1f} "
                f"| {at_home:.1f} → {mean[4]:.1f} | {mean[5]:.0f} |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
