"""Inputs of a conversion: a training run, the same cells it used, and the few for measuring activation ranges."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from hemato_edge.errors import DataError, ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.classify.classical import refuse_classical
from hemato_training.data.cell_sets import load
from hemato_training.data.crops import Look, cells_of
from hemato_training.data.records import by_laboratory, in_split, split_hash, thin
from hemato_training.data.splitting.folds import in_fold
from hemato_training.networks.backbones import architecture_named
from hemato_training.networks.keras_model import load_keras
from hemato_training.runs.files import ATTRIBUTES_FILE, MODEL_FILE, RUN_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_training.data.crops import Cells
    from hemato_training.data.records import Record
    from hemato_training.networks.backbones import Architecture
    from hemato_training.progress import Reporter


@dataclass(frozen=True, slots=True)
class Source:
    """A training run, its model and its cells.

    Attributes:
        model: the Keras model.
        facts: the run's `run.json`.
        looks: field → its appearance, as measured by the run.
        records: the same cells that the run was trained and evaluated on.
        data: their directory.
        cache: folder for crops.
        reporter: for progress.
        branch: that reads attributes off the network, None without one.
    """

    model: Any
    facts: dict[str, Any]
    looks: dict[str, Look]
    records: list[Record]
    data: Path
    cache: Path
    reporter: Reporter
    branch: Any = None

    @property
    def size(self) -> int:
        """Side of the model's input, pixels."""
        return int(self.model.input_shape[1])

    @property
    def architecture(self) -> Architecture:
        """The model's architecture."""
        return architecture_named(str(self.facts["settings"]["architecture"]))

    def cut(self, records: list[Record], margin: float = 1.0) -> Cells:
        """The crops of these records, `margin` times as wide as the model's input."""
        return cells_of(records, self.looks, self.size, self.cache, margin, self.reporter)


def open_source(run: Path, data: Path, cache: Path | None, reporter: Reporter) -> Source:
    """The run in a folder, or of a model.keras.

    Raises:
        ModelError: the model or its `run.json` cannot be read.
        DataError: the data are missing or not those of the run.
    """
    refuse_classical(run)
    folder = run.parent if run.suffix == ".keras" else run
    model = load_keras(run if run.suffix == ".keras" else run / MODEL_FILE)
    facts = read_run(folder)
    looks = {key: Look.from_json(value) for key, value in facts["looks"].items()}
    records, kept = records_of(facts, data), cache or folder / "cells"
    return Source(model, facts, looks, records, data, kept, reporter, branch_in(folder))


def branch_in(folder: Path) -> Any:
    """The branch for attributes in a run's folder; None without one.

    Raises:
        ModelError: it cannot be read.
    """
    path = folder / ATTRIBUTES_FILE
    if not path.is_file():
        return None
    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, OSError, TypeError, KeyError) as error:
        raise ModelError(f"{path} is no branch that can be read.", "Train it again: `train attributes`.") from error


def read_run(folder: Path) -> dict[str, Any]:
    """The `run.json` of a training run.

    Raises:
        ModelError: it is missing, unreadable or of another version.
    """
    try:
        facts: dict[str, Any] = json.loads((folder / RUN_FILE).read_text())
    except (OSError, ValueError) as error:
        raise ModelError(
            f"There is no readable {RUN_FILE} in {folder}, so the card cannot be written.",
            "Name the folder of a run of `hemato-edge train classify`.",
        ) from error
    missing = {"settings", "labels", "data", "looks", "versions"} - facts.keys()
    if missing or tuple(facts["labels"]) != CLASSIFIER_LABELS:
        raise ModelError(
            f"{folder / RUN_FILE} is not of this version.", "Train again with `hemato-edge train classify`."
        )
    return facts


def records_of(facts: dict[str, Any], data: Path) -> list[Record]:
    """The same records that the run was trained and evaluated on.

    Raises:
        DataError: `data` is missing or has another split.
    """
    without = str(facts["settings"].get("without", "")).split(",")
    records = [r for r in load(data, tuple(facts["data"])) if r.label not in without]
    if facts["settings"]["per_class"]:
        records = thin(records, int(facts["settings"]["per_class"]))
    if facts["settings"].get("fold"):
        records = in_fold(records, str(facts["settings"]["fold"]), int(facts["settings"]["seed"]))
    for name, own in by_laboratory(records).items():
        if split_hash(own) != facts["data"][name]["split_sha256"]:
            raise DataError(
                f"{data / name} is not the data that the run was trained on.", "Name that directory with --data."
            )
    return records


def representative_records(records: list[Record], wanted: int) -> list[Record]:
    """`wanted` training records or slightly fewer, equally many of each laboratory and class as far as available.

    If a class has too few, the others contribute more. All, if there are no more than `wanted`.
    """
    train = in_split(records, "train")
    sizes = Counter((r.laboratory, r.label) for r in train).values()
    share = max((n for n in range(1, wanted + 1) if sum(min(n, size) for size in sizes) <= wanted), default=1)
    return thin(train, share)
