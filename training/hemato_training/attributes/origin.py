"""The run that a branch is added to: a folder of a training run, or an int8 bundle with what its card says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hemato_edge.errors import ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import read_bundle
from hemato_edge.models.card import ClassifierCard
from hemato_training.classify.average import read_facts
from hemato_training.data.cell_sets import load, titled
from hemato_training.data.crops import looks_of
from hemato_training.networks.attribute_branch import TAPS, build_branch, front_of
from hemato_training.networks.backbones import build_classifier
from hemato_training.networks.from_bundle import take_over_branch
from hemato_training.networks.keras_model import load_keras
from hemato_training.runs.files import MODEL_FILE, versions

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_training.progress import Reporter


def run_of(base: Path, data: Path, cache: Path, reporter: Reporter) -> tuple[Any, dict[str, Any]]:
    """The Keras model of a run, and its facts as in `run.json`.

    A bundle's weights are its int8 ones; the looks of its laboratories are measured again.

    Args:
        base: folder of a run, or a `.tflite` bundle.
        data: directory of the data sets, for a bundle.
        cache: folder for what is measured of them.
        reporter: receives progress.

    Raises:
        DataError: the run or the data are missing.
        ModelError: there is no readable classifier.
    """
    if base.suffix != ".tflite":
        facts: dict[str, Any] = read_facts(base)
        return load_keras(base / MODEL_FILE), facts
    card = read_bundle(base).card
    if not isinstance(card, ClassifierCard):
        raise ModelError(f"{base} is no classifier.", "Name a classifier, or the folder of a run.")
    size = card.input.size
    model = build_classifier(
        card.architecture, size, len(CLASSIFIER_LABELS), alpha=card.alpha or 1.0, weights=str(base)
    )
    names = titled(source.name for source in card.training)
    looks = looks_of(load(data, names), cache, reporter)
    sources = {name: source for source in card.training for name in titled((source.name,))}
    counted = {
        name: {"train": one.train, "val": one.val, "split_sha256": one.split_sha256} for name, one in sources.items()
    }
    return model, {
        "settings": dict(card.training_arguments),
        "labels": list(card.labels),
        "data": counted,
        "left_out": [],
        "looks": {name: look.as_json() for name, look in looks.items()},
        "versions": versions(),
    }


def bundle_branch(model: Any, base: Path) -> Any:
    """The attribute branch of a bundle, for its network `model`; None where it has none.

    Raises:
        ModelError: the bundle cannot be read.
    """
    card: Any = read_bundle(base).card
    taps = TAPS.get(model.name)
    if taps is None or not card.attributes:
        return None
    shapes = [tuple(one.shape[1:]) for one in front_of(model, taps).outputs]
    branch = build_branch((shapes[0], shapes[1], shapes[2]), sum(len(spec.values) for spec in card.attributes))
    return branch if take_over_branch(branch, base) else None
