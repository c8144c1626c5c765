"""Generalisation of a training recipe: each laboratory in turn is left out of training and used for evaluation.

In-distribution accuracy is high with nearly any recipe; users depend on the accuracy on a microscope outside the
training data. For each left-out laboratory and seed, a short run is trained on the others and converted; the table
gives the int8 answers for cells of the trained types: accuracy and balanced accuracy of the best guesses, and the share
of right answers among those given, with its coverage, at one threshold for all laboratories (the lowest that reaches
95 % right in their mean and 90 % in the worst, or the one that comes closest), at the temperature fitted on its
in-distribution cells. A type with a single cell is excluded from the balanced accuracy. Evaluation-only laboratories
share one run trained on all others. Differences of a few points are noise: two seeds differ by as much. The last
columns are with the second look of the shipped card, or of --model, at the cells below that threshold.

    python benchmarks/travel.py --data ../shared/data --weights FILE [--seeds 3] [--out left_out.json] [--json]
    python benchmarks/travel.py --show left_out.json [--model BUNDLE] [--draws 20]

The second table says what a user has there, by `travel_options`: an unverified, a verified or an adapted microscope.
`--show` reads logits and embeddings from such files, so it takes a minute; with `--model` the laboratories that are
only judged by are answered by that bundle instead of a short run. `hemato-edge convert --left-out left_out.json` uses
the file to choose a model's threshold, and its card records the answers.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from travel_options import Journey, options_table

from hemato_convert.caution import CautionPlan, Home, fit_caution
from hemato_convert.flatbuffer.embedding import fit_projection
from hemato_convert.flatbuffer.graph import export_graph
from hemato_convert.flatbuffer.quantise import quantise
from hemato_convert.flatbuffer.refit import refitted, views_of
from hemato_convert.flatbuffer.trial import try_flatbuffer
from hemato_convert.left_out import left_out_figures, only_judged, read_left_out
from hemato_convert.settings import REPRESENTATIVE
from hemato_convert.source import representative_records
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.caution import device_logits
from hemato_edge.models.prototypes import Prototypes
from hemato_edge.models.second_look import ALL, SecondLook
from hemato_training.augment.stain_and_optics import MARGIN
from hemato_training.classify.fit import train
from hemato_training.classify.members import train_members
from hemato_training.data.attributes import read_attributes
from hemato_training.data.cell_sets import laboratory_named, load
from hemato_training.data.crops import cells_of, looks_of, prepare_cells
from hemato_training.data.records import in_split, thin
from hemato_training.metrics.calibration import LOWEST_THRESHOLD, fit_temperature
from hemato_training.networks.keras_model import load_keras, pooled_features
from hemato_training.progress import Screen
from hemato_training.runs.files import MODEL_FILE
from hemato_training.runs.settings import Settings

if TYPE_CHECKING:
    from hemato_edge.models.card import CautionSpec
    from hemato_edge.models.second_look import Seen
    from hemato_training.data.crops import Cells

LEARN = ("pbc", "bccd", "raabin_typed")
AWAY = (*LEARN, "moticam", "isfahan")


def travel(arguments: argparse.Namespace, away: tuple[str, ...], seed: int) -> list[dict[str, Any]]:
    """Train without `away`, convert, and evaluate on each of its laboratories; one entry of the file each."""
    home = tuple(name for name in arguments.learn if name not in away)
    with tempfile.TemporaryDirectory() as folder:
        model = trained(arguments, home, seed, arguments.runs or Path(folder))
    records = load(arguments.data, home)
    looks, chosen = looks_of(records, arguments.cache), representative_records(records, REPRESENTATIVE)
    sample = cells_of(chosen, looks, arguments.size, arguments.cache)
    wider = cells_of(chosen, looks, arguments.size, arguments.cache, MARGIN)
    views = views_of(wider, looks, arguments.size)
    device = Device.of_model(model, prepare_cells(sample, looks), sample, views, arguments.doubt)
    device = replace(device, views=second_look_views(None))
    val = cells_of(in_split(records, "val"), looks, arguments.size, arguments.cache)
    images = prepare_cells(val, looks)
    if arguments.lower or arguments.slope:
        plan = CautionPlan(lower=arguments.lower, slope=arguments.slope)
        known = in_split(thin(records, plan.per_class), "train")
        cells = Home(cells_of(known, looks, arguments.size, arguments.cache, MARGIN), images, looks)
        device = replace(device, caution=fit_caution(device.flatbuffer, cells, records, plan, Screen()))
    logits = device.lowered(device.see(images))
    right = logits.argmax(axis=1) == val.labels
    facts = {
        "seed": seed,
        "home": {name: float(right[val.laboratories == name].mean()) for name in home},
        "temperature": fit_temperature(logits, val.labels),
        "known": sorted({record.label for record in in_split(records, "train")}, key=CLASSIFIER_LABELS.index),
    }
    return [device.journey(name, arguments) | facts for name in away]


def trained(arguments: argparse.Namespace, home: tuple[str, ...], seed: int, runs: Path) -> Any:
    """The Keras network of a run on the laboratories of `home`; one that `runs` holds goes on, or is done already."""
    settings = Settings(
        data=arguments.data,
        out=runs / f"{arguments.arch}-{'-'.join(home)}-{seed}",
        laboratories=home,
        architecture=arguments.arch,
        size=arguments.size,
        weights=arguments.weights,
        head_epochs=arguments.head_epochs,
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        views=arguments.views,
        strength=arguments.strength,
        frozen_share=arguments.frozen_share,
        attribute_weight=arguments.attribute_weight if has_attributes(arguments.data, home) else 0.0,
        average=0.98,
        keep="last",
        seed=seed,
    )
    if arguments.members:
        train_members(settings, arguments.members, resume=True, cache=arguments.cache, reporter=Screen())
    else:
        train(settings, resume=True, cache=arguments.cache, reporter=Screen())
    return load_keras(settings.out / MODEL_FILE)


def has_attributes(data: Path, home: tuple[str, ...]) -> bool:
    """Whether a table describes attributes of one of these laboratories' cells."""
    return any(read_attributes(data / name) is not None for name in home)


def shipped_journeys(bundle: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """A bundle's own answers for the laboratories that are only judged by."""
    read = read_bundle(bundle)
    card: Any = read.card
    if read.prototypes is None:
        raise SystemExit(f"{bundle} has no embedding: convert it with --embedding")
    parts = read.flatbuffer, read.prototypes, card.embedding.doubt, card.input.size, card.caution
    device = Device(*parts, card.second_look_views)
    facts = {
        "seed": bundle.name,
        "home": {one.data: one.int8_accuracy for one in card.accuracy},
        "temperature": card.temperature,
        "known": list(CLASSIFIER_LABELS),
    }
    return [device.journey(name, arguments) | facts for name in only_judged(arguments.data)]


@dataclass(frozen=True)
class Device:
    """An int8 network as a device runs it: with doubt and caution, see `hemato_edge.models.caution`.

    `views`: of its second look; 1 for none.
    """

    flatbuffer: bytes
    home: Prototypes
    doubt: float
    size: int
    caution: CautionSpec | None = None
    views: int = 1

    @staticmethod
    def of_model(model: Any, images: np.ndarray, sample: Cells, views: np.ndarray, doubt: float) -> Device:
        """A trained network converted with `sample`, in-distribution cells, prepared as `images`; see `refit`."""
        projection = fit_projection(pooled_features(model, images), sample.labels)
        flatbuffer = refitted(
            lambda: quantise(export_graph(model, projection=projection), images), model, views, projection
        )
        tried = try_flatbuffer(flatbuffer, images)
        home = Prototypes(tried.real_embeddings(), sample.labels, sample.laboratories)
        return Device(flatbuffer, home, doubt, images.shape[1])

    def see(self, images: np.ndarray) -> Seen:
        """What the network gives for (n, S, S, 3) uint8 RGB."""
        return try_flatbuffer(self.flatbuffer, images).seen()

    def lowered(self, seen: Seen) -> np.ndarray:
        """Logits (n, K) float32 as the device gives them."""
        return device_logits(seen.logits, seen.embeddings, self.home, self.doubt, self.caution)

    def journey(self, name: str, arguments: argparse.Namespace) -> dict[str, Any]:
        """Its answers for a laboratory's cells, for the file."""
        foreign = load(arguments.data, (name,))
        if laboratory_named(name).trainable:  # of large sets some are enough
            foreign = thin(foreign, arguments.judged)
        looks = looks_of(foreign, arguments.cache)
        cells = cells_of(foreign, looks, self.size, arguments.cache)
        images = prepare_cells(cells, looks)
        tried = try_flatbuffer(self.flatbuffer, images)
        scale, zero_point = tried.embedding_scale, tried.embedding_zero_point
        again: Any = SecondLook(self.views, 1.0, ALL).take(images, tried.seen(), self.see, self.lowered)
        return {
            "away": name,
            "labels": cells.labels.tolist(),
            "logits": np.round(self.lowered(tried.seen()).astype(np.float64), 3).tolist(),
            "views": self.views,
            "again": np.round(again.logits.astype(np.float64), 3).tolist(),
            "fields": cells.groups.tolist(),
            "step": [scale, zero_point],
            "embeddings": tried.stored_embeddings().tolist(),
            "again_embeddings": np.round(again.embeddings.astype(np.float64) / scale + zero_point, 3).tolist(),
            "home_embeddings": np.round(self.home.embeddings / scale + zero_point).astype(int).tolist(),
            "home_labels": self.home.labels.tolist(),
        }


FIGURES = ("accuracy", "balanced", "right_of_answered", "answered")
"""See `figures_of`, at first look and with a second one."""
SECOND = tuple(f"{name}_second_look" for name in FIGURES)


def table(path: Path, views: int) -> dict[str, Any]:
    """The figures of a file of left-out runs, whose second look has so many views."""
    journeys, stored = read_left_out(path, views), json.loads(path.read_text(encoding="utf-8"))["journeys"]
    threshold = left_out_figures(journeys, LOWEST_THRESHOLD)
    rows: list[dict[str, Any]] = []
    for one, more in zip(journeys, stored, strict=True):
        first = figures_of(one.probabilities(), one.labels, threshold.threshold)
        second = figures_of(one.at(threshold.threshold), one.labels, threshold.threshold)
        named = dict(zip((*FIGURES, *SECOND), (*first, *second), strict=True))
        rows.append({"away": one.name, "seed": more["seed"], "cells": len(one.labels), **named, "home": more["home"]})
    return {
        "threshold": threshold.threshold,
        "reached": threshold.reached,
        "rows": rows,
        "mean": {name: float(np.mean([row[name] for row in rows])) for name in (*FIGURES, *SECOND)},
        "worst": {name: float(np.min([row[name] for row in rows])) for name in (*FIGURES, *SECOND)},
    }


def figures_of(probabilities: np.ndarray, labels: np.ndarray, threshold: float) -> tuple[float, float, float, float]:
    """Accuracy and balanced accuracy of the best guesses; share of right answers among those given; share given."""
    right = probabilities.argmax(axis=1) == labels
    several = [label for label in np.unique(labels) if np.count_nonzero(labels == label) > 1]
    balanced = float(np.mean([right[labels == label].mean() for label in several]))
    given = probabilities.max(axis=1) >= threshold
    return float(right.mean()), balanced, float(right[given].mean()) if given.any() else 1.0, float(given.mean())


def show(figures: dict[str, Any]) -> None:
    """Print the table."""
    kept = "keeps" if figures["reached"] else "does not keep"
    lines = [
        f"answered from a confidence of {figures['threshold']:.4f} on, "
        f"which {kept} 95 % right in the mean and 90 % in the worst",
        "| left out | seed | cells | forced % | balanced % | right of answered % | answered % "
        "| with a second look: forced, balanced, right, answered % | home % |",
        "|---|--:|--:|--:|--:|--:|--:|---|---|",
    ]
    for row in figures["rows"]:
        home = ", ".join(f"{name} {100 * share:.1f}" for name, share in row["home"].items())
        lines.append(f"| {row['away']} | {row['seed']} | {row['cells']} | {_shares(row)} | {home} |")
    lines += [f"| {name} | | | {_shares(figures[name])} | |" for name in ("mean", "worst")]
    sys.stdout.write("\n".join(lines) + "\n")


def _shares(row: dict[str, Any]) -> str:
    first, second = ([f"{100 * row[name]:.1f}" for name in names] for names in (FIGURES, SECOND))
    return f"{' | '.join(first)} | {', '.join(second)}"


def second_look_views(bundle: Path | None) -> int:
    """Views of the second look that a bundle's card has, unless given of the classifier that ships."""
    card: Any = read_bundle(bundle or shipped_classifier()).card
    return int(card.second_look_views)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--weights", default="imagenet", help="imagenet, none, or a file without top")
    parser.add_argument("--arch", default="mobilenet_v2")
    parser.add_argument("--learn", nargs="+", default=list(LEARN), help="laboratories that may be learnt from")
    parser.add_argument("--away", nargs="+", default=list(AWAY), help="laboratories to leave out in turn")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--head-epochs", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=6e-4)
    parser.add_argument("--views", type=int, default=8000, help="cells drawn in an epoch")
    parser.add_argument("--judged", type=int, default=150, help="cells of each class and split to judge by, at most")
    parser.add_argument("--strength", type=float, default=0.6)
    parser.add_argument("--frozen-share", type=float, default=0.0)
    parser.add_argument("--members", type=int, default=0, help="as `train classify --members`")
    parser.add_argument("--attribute-weight", type=float, default=0.0, help="as `train classify`, where a set has some")
    parser.add_argument(
        "--doubt", type=float, default=0.0, help="of cells that lie far from home, as `convert --doubt`"
    )
    parser.add_argument("--lower", type=float, default=0.0, help="as `train caution --lower`")
    parser.add_argument("--slope", type=float, default=0.0, help="as `train caution --slope`")
    parser.add_argument("--runs", type=Path, help="keep the runs here: a command that was stopped goes on")
    parser.add_argument("--cache", type=Path, default=Path("runs/cells"))
    parser.add_argument("--out", type=Path, help="keep the answers here, for `convert --left-out`; added to if there")
    parser.add_argument("--show", type=Path, help="only print the tables of such a file")
    parser.add_argument("--model", type=Path, help="bundle that answers for the laboratories that are only judged by")
    parser.add_argument("--draws", type=int, default=20, help="of the cells that are given back")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.show or arguments.out or Path(folder) / "left_out.json"
        if arguments.show is None:
            run(arguments, path)
        journeys = json.loads(path.read_text(encoding="utf-8"))["journeys"]
        if arguments.model is not None:
            judged = only_judged(arguments.data)
            journeys = [one for one in journeys if one["away"] not in judged]
            journeys += shipped_journeys(arguments.model, arguments)
        whole = Path(folder) / "whole.json"
        whole.write_text(json.dumps({"journeys": journeys}), encoding="utf-8")
        views = second_look_views(arguments.model)
        figures, answers = table(whole, views), read_left_out(whole, views)
    if arguments.json:
        sys.stdout.write(json.dumps(figures, indent=1) + "\n")
        return
    show(figures)
    travelled = [Journey.from_stored(*pair) for pair in zip(journeys, answers, strict=True)]
    if None not in travelled:  # older files have no embeddings
        sys.stdout.write("\n".join(["", *options_table(travelled, arguments.draws)]) + "\n")


def run(arguments: argparse.Namespace, path: Path) -> None:
    """Train and judge, and add the answers to the file."""
    journeys = json.loads(path.read_text(encoding="utf-8"))["journeys"] if path.is_file() else []
    learnt = [(name,) for name in arguments.away if laboratory_named(name).trainable]
    judged = tuple(name for name in arguments.away if not laboratory_named(name).trainable)
    for seed in range(1, arguments.seeds + 1):
        for away in [*learnt, *([judged] if judged else [])]:
            journeys += travel(arguments, away, seed)
            path.write_text(json.dumps({"journeys": journeys}), encoding="utf-8")


if __name__ == "__main__":
    main()
