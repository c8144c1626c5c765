"""A model's training origin: from its card, or the `run.json` beside a Keras model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import ModelError
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_training.data.cell_sets import LABORATORIES
from hemato_training.runs.files import RUN_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known about a model's training.

    Attributes:
        known: False if the model has no record of it; then the registry's trainable sets are assumed.
        trained_on: laboratories.
        splits: laboratory → hash of its training split.
        arguments: of the training run.
    """

    known: bool
    trained_on: tuple[str, ...]
    splits: dict[str, str]
    arguments: dict[str, Any]

    @property
    def without(self) -> tuple[str, ...]:
        """The classes left out of training."""
        value = self.arguments.get("without") or ()
        return tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else tuple(value)


def origin_of(path: Path, model: object) -> Origin:
    """The origin of a loaded model: a `classifier_model.ClassifierModel`, or a Keras model from `path`."""
    if isinstance(model, ClassifierModel):
        card = model.bundle.card
        known_as = {laboratory.title: name for name, laboratory in LABORATORIES.items()}
        training = {known_as.get(source.name, source.name): source for source in card.training}
        names = tuple(name for name, source in training.items() if source.train > 0)
        splits = {name: source.split_sha256 for name, source in training.items()}
        return Origin(True, names, splits, dict(card.training_arguments))
    run = _read_run(path.parent / RUN_FILE)
    if run is None:
        return Origin(False, tuple(name for name, own in LABORATORIES.items() if own.trainable), {}, {})
    data: Mapping[str, Any] = run.get("data", {})
    names = tuple(name for name, own in data.items() if own.get("train", 0) > 0)
    splits = {name: str(own["split_sha256"]) for name, own in data.items() if "split_sha256" in own}
    return Origin(True, names, splits, dict(run.get("settings", {})))


def check_left_out(origin: Origin, label: str, path: Path) -> None:
    """Check that a class that is to serve as unknown was left out of a model's training.

    Raises:
        ModelError: its record of training does not list the class as left out.
    """
    if origin.known and label not in origin.without:
        raise ModelError(
            f"{path} was trained on {label.replace('_', ' ')}, so that class is not unknown to it.",
            f"Train one with `hemato-edge train classify … --without {label}`.",
        )


def _read_run(path: Path) -> dict[str, Any] | None:
    try:
        run = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return run if isinstance(run, dict) else None
