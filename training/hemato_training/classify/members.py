"""One recipe trained several times from a common head, and averaged: right more often on another microscope.

Runs from the same weights that see other views in another order err differently on a stain that none of them saw. The
mean of their weights keeps what they agree on, where they lie in one valley of the loss; with heads of their own, drawn
at random, they do not (Rame et al., "Diverse weight averaging", NeurIPS 2022). So a head is learnt first, on the frozen
trunk (Kumar et al., "Fine-tuning can distort pretrained features", ICLR 2022), and all begin with it. The mean of their
features lies apart from that of each, so half of the mean head gives way to one that is fitted to them. Runs of some
hundred steps gain by it; with a thousand they lie too far apart (docs/results/training.md).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from hemato_edge.errors import ConfigurationError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.classify.average import AVERAGED, average_runs, named, read_facts
from hemato_training.classify.batches import TrainingBatches, draw_epoch
from hemato_training.classify.fit import new_model, train
from hemato_training.classify.linear_head import LinearHead, fit_linear_heads
from hemato_training.classify.material import gather
from hemato_training.networks.backbones import LOGITS, POOLING
from hemato_training.networks.keras_model import keras_outputs, load_keras
from hemato_training.progress import Silent
from hemato_training.runs.files import MODEL_FILE, RUN_FILE, check_new_run

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_training.classify.material import Material
    from hemato_training.progress import Reporter
    from hemato_training.runs.settings import Settings

HEAD, MEMBER, MEAN = "head.keras", "member-{}", "mean"
"""In the recipe's folder: the network with the common head, the folders of the runs, and that of their mean."""
FITTED = 0.5
"""Share of the head that is fitted to the averaged features, against the mean of the members' heads."""
PENALTY = 0.02
"""Inverse strength of the L2 penalty of a head fitted to features."""
_VIEWS, _BATCH = 5000, 50
_SEED_OF_VIEWS = 998


def train_members(
    settings: Settings,
    members: int,
    *,
    resume: bool = False,
    cache: Path | None = None,
    reporter: Reporter | None = None,
) -> Path:
    """Fit a head, train `members` runs that begin with it, and average them into `settings.out`, for `convert`.

    Args:
        settings: of the recipe; the head is fitted, so its `head_epochs` do not count. A run's own seed is the recipe's
            times 100, plus its number.
        members: number of runs, 2 or more.
        resume: go on where an earlier call was stopped; one that is finished stays as it is.
        cache: folder for crops; "cells" in `settings.out` unless named.
        reporter: receives progress.

    Returns:
        The averaged model's file.

    Raises:
        ConfigurationError: fewer than two runs.
        DataError: as `fit.train`, or if `settings.out` holds another run.
    """
    if members < 2:
        raise ConfigurationError(f"{members} run cannot be averaged.", "Choose --members 2 to 8, or leave it out.")
    if not resume:
        check_new_run(settings.out)
    reporter, cache = reporter or Silent(), cache or settings.out / "cells"
    common = settings.out / HEAD
    if not (resume and common.exists()):
        model = new_model(settings, settings.weights)
        head = fit_head(model, settings, gather(settings, cache, reporter), reporter)
        model.get_layer(LOGITS).set_weights([head.kernel, head.bias])
        settings.out.mkdir(parents=True, exist_ok=True)
        model.save(common)
    runs = []
    for number in range(1, members + 1):
        reporter.note(f"run {number} of {members}")
        seed = 100 * settings.seed + number
        out = settings.out / MEMBER.format(number)
        run = replace(settings, out=out, weights=str(common), head_epochs=0, seed=seed)
        train(run, resume=resume, cache=cache, reporter=reporter)
        runs.append(out)
    finished = settings.out / MODEL_FILE
    if (settings.out / RUN_FILE).exists() and read_facts(settings.out)["settings"].get(AVERAGED) == named(runs):
        return finished
    _average(runs, settings, cache, reporter)
    return finished


def _average(runs: list[Path], settings: Settings, cache: Path, reporter: Reporter) -> None:
    """The mean of the runs in the recipe's folder, half of its head fitted to its features."""
    mean = settings.out / MEAN
    if (mean / RUN_FILE).exists():  # of a call that was stopped
        (mean / RUN_FILE).unlink()
        (mean / MODEL_FILE).unlink(missing_ok=True)
    model = load_keras(average_runs(runs, mean))
    fitted = fit_head(model, settings, gather(settings, cache, reporter), reporter)
    kernel, bias = model.get_layer(LOGITS).get_weights()
    both = zip((kernel, bias), (fitted.kernel, fitted.bias), strict=True)
    model.get_layer(LOGITS).set_weights([(1 - FITTED) * averaged + FITTED * own for averaged, own in both])
    model.save(settings.out / MODEL_FILE)
    facts = read_facts(mean)
    facts["settings"]["head"] = f"{FITTED:g} fitted to the mean"
    (settings.out / RUN_FILE).write_text(json.dumps(facts, indent=1))


def fit_head(model: Any, settings: Settings, material: Material, reporter: Reporter) -> LinearHead:
    """A penalised logistic regression on the pooled features of augmented training views.

    Args:
        model: from `networks.backbones.build_classifier`; its own head is not looked at.
        settings: of the recipe.
        material: its cells.
        reporter: receives progress.
    """
    features, labels = _features_of_views(model, settings, material, reporter)
    return fit_linear_heads(features, labels[:, None], (len(CLASSIFIER_LABELS),), PENALTY)


def _features_of_views(
    model: Any, settings: Settings, material: Material, reporter: Reporter
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    cells = material.train
    order = draw_epoch(cells, settings.oversample, settings.seed, _SEED_OF_VIEWS, _VIEWS)
    batches = TrainingBatches(
        cells,
        material.looks,
        order,
        size=settings.size,
        classes=len(CLASSIFIER_LABELS),
        batch=_BATCH,
        seed=settings.seed,
        epoch=_SEED_OF_VIEWS,
        strength=settings.strength,
    )
    front = keras.Model(model.inputs, model.get_layer(POOLING).output)
    features, labels = [], []
    for index in reporter.track(range(len(batches)), "views for the head", len(batches)):
        images, targets = batches[index]
        features.append(keras_outputs(front, images))
        labels.append(targets.argmax(axis=1))
    return np.concatenate(features), np.concatenate(labels).astype(np.int64)
