"""A second head for the names, fitted on the features of one laboratory and added to the one that was trained.

The trained head leans on the few features by which the training cells are told apart best. A strongly penalised
logistic regression on the same features leans on many; its logits, added to the trained ones, are right more often
where the stain is a stranger's, and the sum of two dense layers is one dense layer, so it costs nothing on the device.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hemato_edge.errors import ConfigurationError, DataError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.classify.average import read_facts
from hemato_training.classify.linear_head import fit_linear_heads
from hemato_training.data.cell_sets import load
from hemato_training.data.crops import Look, cells_of, prepare_cells
from hemato_training.data.records import in_split
from hemato_training.networks.backbones import LOGITS
from hemato_training.networks.keras_model import load_keras, pooled_features
from hemato_training.runs.files import MODEL_FILE, RUN_FILE, check_new_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hemato_training.progress import Reporter

PENALTY = 0.005
"""Inverse strength of the L2 penalty of the second head."""


def add_second_head(
    run: Path,
    data: Path,
    out: Path,
    *,
    laboratories: Sequence[str] = ("pbc",),
    weight: float,
    cache: Path | None = None,
    reporter: Reporter | None = None,
) -> Path:
    """Add a second head's logits to those of a run's model, into `out`: model.keras and run.json, ready for `convert`.

    Args:
        run: folder of a training run.
        data: the directory that it was trained on.
        out: folder to write.
        laboratories: whose training cells the second head learns from; all classes must be among them.
        weight: the second head's logits are multiplied by it before they are added.
        cache: folder for crops; "cells" in the run's folder unless named.
        reporter: receives progress.

    Returns:
        The model's file.

    Raises:
        ConfigurationError: if the weight is not positive or a laboratory has no part in the run.
        DataError: if the run or the data are missing, a class is, or `out` holds a run already.
        ModelError: if the run has no readable model.
    """
    if weight <= 0:
        raise ConfigurationError(f"The second head's weight {weight} is not positive.", "Choose --weight 0.1 to 1.")
    check_new_run(out)
    facts = read_facts(run)
    strangers = set(laboratories) - set(facts["looks"])
    if strangers:
        raise ConfigurationError(f"{run} did not learn from {', '.join(sorted(strangers))}.", "Leave it out.")
    model = load_keras(run / MODEL_FILE)
    looks = {name: Look.from_json(facts["looks"][name]) for name in laboratories}  # type: ignore[arg-type]
    records = in_split(load(data, tuple(laboratories)), "train")
    missing = set(CLASSIFIER_LABELS) - {record.label for record in records}
    if missing:
        raise DataError(f"There is no training cell of {', '.join(sorted(missing))}.", "Name more laboratories.")
    size = int(model.input_shape[1])
    cells = cells_of(records, looks, size, cache or run / "cells", reporter=reporter)
    features = pooled_features(model, prepare_cells(cells, looks))
    head = fit_linear_heads(features, cells.labels[:, None], (len(CLASSIFIER_LABELS),), PENALTY)
    kernel, bias = model.get_layer(LOGITS).get_weights()
    model.get_layer(LOGITS).set_weights([kernel + weight * head.kernel, bias + weight * head.bias])
    facts["settings"]["second_head"] = f"{weight:g} of {','.join(laboratories)}"
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / MODEL_FILE)
    (out / RUN_FILE).write_text(json.dumps(facts, indent=1))
    return out / MODEL_FILE
