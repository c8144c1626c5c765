"""The same figures for a Keras model and for the int8 bundle made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from hemato_edge.errors import DataError, ModelError
from hemato_edge.evidence.paired import Paired, paired
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import read_bundle
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_training.classify.classical import load_classical
from hemato_training.data.cell_sets import load
from hemato_training.data.crops import cells_of, looks_of, prepare_cells
from hemato_training.data.records import in_split
from hemato_training.metrics.answers import Answers, answers_of
from hemato_training.metrics.classification import Figures, figures_by_laboratory
from hemato_training.metrics.crossfit import CrossFit, crossfit
from hemato_training.metrics.details import Details, details_of
from hemato_training.networks.keras_model import keras_logits, load_keras
from hemato_training.runs.files import CLASSICAL_FILE, MODEL_FILE
from hemato_training.runs.origin import Origin, check_left_out, origin_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hemato_training.data.crops import Cells, Look
    from hemato_training.data.records import Record
    from hemato_training.progress import Reporter


@dataclass(frozen=True, slots=True)
class Judged:
    """A model that can be asked.

    Attributes:
        size: side of its input, pixels.
        temperature: from the card; 1 for a Keras model.
        threshold: rejection threshold from the card; 0 for a Keras model.
        model: the Keras model, `classifier_model.ClassifierModel` or `classical.ClassicalModel`.
    """

    size: int
    temperature: float
    threshold: float
    model: Any

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n, labels) of prepared crops (n, size, size, 3) uint8 RGB."""
        if isinstance(self.model, keras.Model):
            return keras_logits(self.model, images)
        if isinstance(self.model, ClassifierModel):
            return self.model.outputs(images).logits
        logits: NDArray[np.float32] = self.model.logits(images)
        return logits


@dataclass(frozen=True, slots=True)
class Tried:
    """A model and its answers to one split.

    Attributes:
        path: the model's file.
        judged: the opened model.
        origin: what it says of its training.
        split: "train" or "val".
        records: every record of the laboratories, all splits.
        looks: laboratory → scale and stain used.
        cells: the cells judged, without those of a class left out.
        images: (n, size, size, 3) uint8 RGB, what the model saw of them.
        answers: what it answered.
        left_out: a class that the model did not learn, and its answers to the cells of it.
    """

    path: Path
    judged: Judged
    origin: Origin
    split: str
    records: list[Record]
    looks: dict[str, Look]
    cells: Cells
    images: NDArray[np.uint8]
    answers: Answers
    left_out: tuple[str, Answers] | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model achieves, laboratory by laboratory and over all cells.

    Attributes:
        model: name of the file.
        split: "train" or "val".
        size: side of the input, pixels.
        temperature: the logits are divided by it.
        threshold: below this confidence no answer is given.
        looks: laboratory → scale and stain used.
        laboratories: laboratory → figures.
        overall: over all cells.
        details: laboratory → intervals, calibration, risk and coverage; "overall" for all cells.
        crossfit: temperature and threshold judged on cells that did not choose them, None where there are too few.
    """

    model: str
    split: str
    size: int
    temperature: float
    threshold: float
    looks: dict[str, Look]
    laboratories: dict[str, Figures]
    overall: Figures
    details: dict[str, Details]
    crossfit: CrossFit | None

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "model": self.model,
            "split": self.split,
            "size": self.size,
            "temperature": self.temperature,
            "threshold": self.threshold,
            "labels": list(CLASSIFIER_LABELS),
            "looks": {name: look.as_json() for name, look in self.looks.items()},
            "laboratories": {name: figures.as_json() for name, figures in self.laboratories.items()},
            "overall": self.overall.as_json(),
            "details": {name: own.as_json() for name, own in self.details.items()},
            "crossfit": self.crossfit.as_json() if self.crossfit else None,
        }


def model_in(path: Path) -> Path:
    """The model of a run's folder; a path that is no folder as it is.

    Raises:
        ModelError: the folder has none, or there is nothing at that path.
    """
    if not path.exists():
        raise ModelError(f"There is no {path}.", "Check the path.")
    if not path.is_dir():
        return path
    for name in (MODEL_FILE, CLASSICAL_FILE):
        if (path / name).is_file():
            return path / name
    raise ModelError(
        f"The folder {path} has neither {MODEL_FILE} nor {CLASSICAL_FILE}.", "Name the folder of a finished run."
    )


def open_model(path: Path, threads: int = 2) -> Judged:
    """Open a `.keras` model, a `.tflite` bundle or a classical model's `.skops`, by its suffix; or a run's folder.

    Raises:
        ModelError: if it is neither, cannot be read, or answers other labels.
    """
    path = model_in(path)
    if path.suffix == ".tflite":
        model = ClassifierModel(read_bundle(path), threads)
        model.verify()
        card = model.card
        if card.labels != CLASSIFIER_LABELS:
            raise ModelError(f"{path} answers {', '.join(card.labels)}.", "Use a bundle of this project's classifier.")
        return Judged(card.input.size, card.temperature, card.rejection_threshold, model)
    if path.suffix == ".keras":
        loaded = load_keras(path)
        return Judged(int(loaded.input_shape[1]), 1.0, 0.0, loaded)
    if path.suffix == ".skops":
        measured = load_classical(path)
        return Judged(measured.size, 1.0, 0.0, measured)
    raise ModelError(
        f"{path} is neither a .keras model nor a .tflite bundle nor a .skops file of features.",
        "Name a file with one of these endings.",
    )


def evaluate(
    path: Path,
    data: Path,
    cache: Path,
    *,
    split: str = "val",
    laboratories: Sequence[str] = ("pbc", "bccd"),
    reporter: Reporter | None = None,
) -> Evaluation:
    """Judge a model on one split of the named laboratories: `evaluation_of` what `try_on` gives."""
    return evaluation_of(try_on(path, data, cache, split=split, laboratories=laboratories, reporter=reporter))


def try_on(
    path: Path,
    data: Path,
    cache: Path,
    *,
    split: str = "val",
    laboratories: Sequence[str] = ("pbc", "bccd"),
    left_out: str | None = None,
    reporter: Reporter | None = None,
) -> Tried:
    """Ask a model about one split of the named laboratories.

    Args:
        path: `.keras`, `.tflite`, `.skops` or the folder of a run.
        data: directory with one folder per laboratory.
        cache: folder for looks and crops.
        split: "train" or "val".
        laboratories: names known to `datasets.LABORATORIES`.
        left_out: a class that the model did not learn; its cells are kept apart.
        reporter: receives progress.

    Raises:
        ModelError: if the model cannot be opened, or did learn the class left out.
        DataError: if the data are missing, leak, or hold no cell of that split.
    """
    path = model_in(path)
    judged = open_model(path)
    origin = origin_of(path, judged.model)
    if left_out is not None:
        check_left_out(origin, left_out, path)
    records = load(data, laboratories)
    looks = looks_of(records, cache, reporter)
    cells = cells_of(in_split(records, split), looks, judged.size, cache, reporter=reporter)
    images = prepare_cells(cells, looks)
    answers = answers_of(judged.logits(images), cells, records)
    strange = None
    if left_out is not None:
        apart = cells.labels == CLASSIFIER_LABELS.index(left_out)
        strange = (left_out, answers.select(apart))
        cells, images, answers = cells.select(~apart), images[~apart], answers.select(~apart)
    if not len(cells):
        raise DataError(f"There is no cell to judge on in {split}.", "Name another --split or --laboratory.")
    return Tried(path, judged, origin, split, records, looks, cells, images, answers, strange)


def compare_on(tried: Tried, other: Path, data: Path, cache: Path, reporter: Reporter | None = None) -> Paired:
    """A second model against the one that was tried, on the very same cells.

    Args:
        tried: the first model and its answers.
        other: file of the second.
        data: directory with one folder per laboratory.
        cache: folder for looks and crops.
        reporter: receives progress.

    Raises:
        ModelError: if the second cannot be opened.
        DataError: if the two did not answer to the same cells.
    """
    names = tuple(dict.fromkeys(record.laboratory for record in tried.records))
    left_out = tried.left_out[0] if tried.left_out else None
    second = try_on(other, data, cache, split=tried.split, laboratories=names, left_out=left_out, reporter=reporter)
    one, two = tried.answers, second.answers
    if tried.cells.keys.tolist() != second.cells.keys.tolist():
        raise DataError(f"{tried.path} and {other} answered to different cells.", "Judge both on the same data.")
    right = [answers.logits.argmax(axis=1) == answers.labels for answers in (one, two)]
    return paired(right[0], right[1], one.groups, one.strata)


def evaluation_of(tried: Tried) -> Evaluation:
    """All figures of a model's answers."""
    judged, answers = tried.judged, tried.answers
    by_name, overall = figures_by_laboratory(answers.logits, tried.cells, judged.temperature, judged.threshold)
    details = {name: details_of(answers.select(answers.laboratories == name), judged.temperature) for name in by_name}
    details["overall"] = details_of(answers, judged.temperature) if len(by_name) > 1 else next(iter(details.values()))
    return Evaluation(
        tried.path.name,
        tried.split,
        judged.size,
        judged.temperature,
        judged.threshold,
        tried.looks,
        by_name,
        overall,
        details,
        crossfit(answers, tried.origin.trained_on),
    )
