"""How a training recipe travels: each laboratory in turn is left out of training and then judged on, whole.

A model is good at home with nearly any recipe; what users live on is how it does behind a microscope that it never
saw. For each laboratory that is left out, and each seed, a short run learns from the others (`--per-class` thins the
large set so that a run takes minutes), and the table gives its accuracy at home (val cells of the laboratories it
learnt from) and away (all cells of the one left out), as the mean over four quarter turns of each cell; "of 5" allows
only the five types that the foreign set has. `moticam` is never learnt from. The types of `raabin_fields` were read by
this project. Read differences of a few points as noise: two seeds differ by that much.

    python benchmarks/travel.py --data ../shared/data --weights FILE [--seeds 2] [--strength 0.6] [--json]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hemato_training.classify.fit import train
from hemato_training.data.cell_sets import in_split, load
from hemato_training.data.crops import cells_of, looks_of, prepare_cells
from hemato_training.networks.keras_model import keras_logits, load_keras
from hemato_training.progress import Screen
from hemato_training.runs.files import MODEL_FILE
from hemato_training.runs.settings import Settings

TRAINABLE = ("pbc", "bccd", "raabin_fields")
AWAY = ("bccd", "raabin_fields", "moticam")
"""Left out in turn. Not pbc: without it there are 366 cells of five types to learn from."""


@dataclass(frozen=True, slots=True)
class Journey:
    """One run: what it learnt from, where it was sent, accuracies from 0 to 1."""

    away: str
    seed: int
    home: dict[str, float]
    accuracy: float
    balanced_accuracy: float
    accuracy_of_five: float


def travel(arguments: argparse.Namespace, away: str, seed: int) -> Journey:
    """Train without `away`, judge at home and away."""
    home = tuple(name for name in TRAINABLE if name != away and name in arguments.learn)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data=arguments.data,
            out=Path(folder) / "run",
            laboratories=home,
            size=arguments.size,
            weights=arguments.weights,
            epochs=arguments.epochs,
            per_class=arguments.per_class,
            oversample=arguments.oversample,
            strength=arguments.strength,
            average=0.98,
            keep="last",
            seed=seed,
        )
        train(settings, cache=arguments.cache, reporter=Screen())
        model = load_keras(settings.out / MODEL_FILE)
    records = load(arguments.data, (*home, away))
    looks = looks_of(records, arguments.cache)
    judged = [r for r in records if r.laboratory == away] + in_split(
        [r for r in records if r.laboratory in home], "val"
    )
    cells = cells_of(judged, looks, settings.size, arguments.cache)
    images = prepare_cells(cells, looks)
    turned = [keras_logits(model, np.ascontiguousarray(np.rot90(images, k, axes=(1, 2)))) for k in range(4)]

    def accuracy(name: str, answers: int | None = None) -> float:
        own = cells.laboratories == name
        return float(np.mean([(t[own][:, :answers].argmax(axis=1) == cells.labels[own]).mean() for t in turned]))

    own = cells.laboratories == away
    labels, answers = cells.labels[own], np.mean(turned, axis=0)[own].argmax(axis=1)
    recall = [float((answers[labels == c] == c).mean()) for c in np.unique(labels)]
    return Journey(
        away, seed, {n: accuracy(n) for n in home}, accuracy(away), float(np.mean(recall)), accuracy(away, 5)
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--weights", default="imagenet", help="imagenet, none, or a file without top")
    parser.add_argument("--learn", nargs="+", default=list(TRAINABLE), help="laboratories that may be learnt from")
    parser.add_argument("--away", nargs="+", default=list(AWAY), help="laboratories to leave out in turn")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--per-class", type=int, default=300)
    parser.add_argument("--oversample", type=float, default=4.0)
    parser.add_argument("--strength", type=float, default=0.6)
    parser.add_argument("--cache", type=Path, default=Path("runs/cells"))
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    journeys = [travel(arguments, away, seed + 1) for away in arguments.away for seed in range(arguments.seeds)]
    if arguments.json:
        print(json.dumps([asdict(j) for j in journeys], indent=1))
        return
    print(f"{'away':14}{'seed':>5}{'accuracy':>10}{'balanced':>10}{'of 5':>7}   at home")
    for j in journeys:
        home = ", ".join(f"{name} {100 * share:.1f}" for name, share in j.home.items())
        shares = (j.accuracy, j.balanced_accuracy, j.accuracy_of_five)
        print(f"{j.away:14}{j.seed:5}{100 * shares[0]:10.1f}{100 * shares[1]:10.1f}{100 * shares[2]:7.1f}   {home}")


if __name__ == "__main__":
    main()
