"""A model soup: the mean of the weights of several runs that started from the same weights (Wortsman et al. 2022).

Runs that learnt from other laboratories, or with other augmentation, err differently on a stain that none of them saw;
where they lie in one valley of the loss, the mean of their weights keeps what they agree on and costs nothing on the
device.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.errors import DataError, ModelError
from hemato_edge.models.bundle import read_bundle
from hemato_edge.models.card import ClassifierCard
from hemato_training.networks.backbones import build_classifier
from hemato_training.networks.keras_model import load_keras
from hemato_training.runs.files import MODEL_FILE, RUN_FILE, check_new_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


AVERAGED = "averaged"
"""In an average's `run.json`, among the settings: the names of its runs."""


def named(runs: Sequence[Path]) -> str:
    """The names of runs in one line."""
    return ",".join(run.name for run in runs)


def average_runs(runs: Sequence[Path], out: Path) -> Path:
    """Average the models of several runs into `out`: model.keras and run.json, ready for `convert`.

    Args:
        runs: folders of runs of one architecture and size. The first gives the settings, the data and the looks: let it
            be the one that learnt from the most laboratories. Any but the first may be the int8 bundle that they went
            on from.
        out: folder to write.

    Returns:
        The averaged model's file.

    Raises:
        ModelError: if a run has no readable model, or the models differ in form.
        DataError: if there is no readable run.json, or `out` holds a run already.
        ValueError: for fewer than two runs.
    """
    if len(runs) < 2:
        msg = "an average needs at least two runs"
        raise ValueError(msg)
    check_new_run(out)
    facts = read_facts(runs[0])
    models = [_model_of(run) for run in runs]
    weights = [model.get_weights() for model in models]
    forms = [[weight.shape for weight in own] for own in weights]
    for run, model, form in zip(runs[1:], models[1:], forms[1:], strict=True):
        if form != forms[0] or model.input_shape != models[0].input_shape:
            raise ModelError(
                f"{run} and {runs[0]} hold networks of another form or size.", "Average runs of one --arch and --size."
            )
    models[0].set_weights([np.mean(own, axis=0) for own in zip(*weights, strict=True)])
    facts["settings"][AVERAGED] = named(runs)
    out.mkdir(parents=True, exist_ok=True)
    models[0].save(out / MODEL_FILE)
    (out / RUN_FILE).write_text(json.dumps(facts, indent=1))
    return out / MODEL_FILE


def _model_of(run: Path) -> Any:
    """The Keras model of a run's folder, or of an int8 bundle."""
    if run.suffix != ".tflite":
        return load_keras(run / MODEL_FILE)
    card = read_bundle(run).card
    if not isinstance(card, ClassifierCard):
        raise ModelError(f"{run} is no classifier.", "Name a classifier, or folders of `hemato-edge train`.")
    size, classes = card.input.size, len(card.labels)
    return build_classifier(card.architecture, size, classes, alpha=card.alpha or 1.0, weights=str(run))


def read_facts(run: Path) -> dict[str, dict[str, object]]:
    """The run.json of a run.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        facts: dict[str, dict[str, object]] = json.loads((run / RUN_FILE).read_text())
        facts["settings"].keys()
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise DataError(
            f"There is no readable {RUN_FILE} in {run}.", "Name folders of `hemato-edge train classify`."
        ) from error
    return facts
