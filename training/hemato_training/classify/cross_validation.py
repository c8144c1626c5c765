"""Cross-validation of a training recipe: each part of the cells is held out once, and judged by a model without it."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import keras
import numpy as np

from hemato_edge.evidence.bootstrap import interval, resample
from hemato_edge.output_files import write_aside
from hemato_training.classify.fit import train
from hemato_training.classify.material import gather
from hemato_training.data.crops import Cells
from hemato_training.metrics.answers import Answers
from hemato_training.metrics.classification import figures_by_laboratory
from hemato_training.networks.keras_model import keras_logits
from hemato_training.progress import Silent
from hemato_training.runs.files import METRICS_FILE, MODEL_FILE, RUN_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.evidence.bootstrap import Interval
    from hemato_training.metrics.classification import Figures
    from hemato_training.progress import Reporter
    from hemato_training.runs.settings import Settings

FOLDS_FILE = "folds.json"


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """What a recipe reaches on cells that the model at hand has not seen.

    Attributes:
        accuracies: of each part, in order.
        laboratories: figures of the pooled answers, each cell's by the model that was trained without its part.
        overall: the same over all cells.
        accuracy_interval: of `overall`, 95 %, by resampling whole groups.
        groups: number of groups.
    """

    accuracies: tuple[float, ...]
    laboratories: dict[str, Figures]
    overall: Figures
    accuracy_interval: Interval
    groups: int

    @property
    def spread(self) -> float:
        """Standard deviation of the parts' accuracies (n - 1)."""
        return float(np.std(self.accuracies, ddof=1))

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "accuracies": list(self.accuracies),
            "spread": self.spread,
            "accuracy_interval": list(self.accuracy_interval),
            "groups": self.groups,
            "laboratories": {name: figures.as_json() for name, figures in self.laboratories.items()},
            "overall": self.overall.as_json(),
        }


def cross_validate(
    settings: Settings, folds: int, *, cache: Path | None = None, reporter: Reporter | None = None
) -> CrossValidation:
    """Train once for each part, into fold-1, fold-2 … under `settings.out`, and judge all cells; writes folds.json.

    What is finished there is not done again, and a run that was stopped goes on.

    Args:
        settings: of the recipe; out and fold are set for each part.
        folds: number of parts, 2 or more.
        cache: folder for crops; "cells" in `settings.out` unless named.
        reporter: receives progress.

    Raises:
        DataError: as `fit.train`, or if there are fewer groups than parts.
        ConfigurationError: fewer than two parts.
    """
    reporter, cache = reporter or Silent(), cache or settings.out / "cells"
    logits: list[NDArray[np.float32]] = []
    held_out: list[Cells] = []
    for part in range(1, folds + 1):
        own = replace(settings, out=settings.out / f"fold-{part}", fold=f"{part}/{folds}")
        reporter.note(f"part {part} of {folds}: {own.out}")
        if not (own.out / METRICS_FILE).is_file():
            train(own, resume=(own.out / RUN_FILE).exists(), cache=cache, reporter=reporter)
        material = gather(own, cache, reporter)
        model = keras.models.load_model(own.out / MODEL_FILE, compile=False)
        logits.append(keras_logits(model, material.val_images))
        held_out.append(material.val)
    result = _pooled(logits, held_out)
    write_aside(settings.out / FOLDS_FILE, json.dumps(result.as_json(), indent=1).encode())
    return result


def _pooled(logits: list[NDArray[np.float32]], held_out: list[Cells]) -> CrossValidation:
    cells = Cells(*(np.concatenate([getattr(one, field.name) for one in held_out]) for field in fields(Cells)))
    answers = Answers(np.concatenate(logits), cells.labels, cells.laboratories, cells.groups)
    by_name, overall = figures_by_laboratory(answers.logits, cells)
    right = answers.logits.argmax(axis=1) == cells.labels
    drawn = resample(cells.groups, answers.strata)
    accuracies = [float((one.argmax(axis=1) == own.labels).mean()) for one, own in zip(logits, held_out, strict=True)]
    share = (drawn @ right.astype(np.float64)) / drawn.sum(axis=1)
    return CrossValidation(tuple(accuracies), by_name, overall, interval(share), len(np.unique(cells.groups)))
