"""A training run: frozen features first, then all layers; resumable after every epoch."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import keras
import numpy as np

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.classify.batches import TrainingBatches, draw_epoch
from hemato_training.classify.distillation import Teachers
from hemato_training.classify.joint import attribute_targets, with_attributes
from hemato_training.classify.material import gather
from hemato_training.metrics.classification import figures_by_laboratory, macro_accuracy
from hemato_training.networks.attribute_branch import ATTRIBUTES
from hemato_training.networks.attribute_loss import AttributeLoss
from hemato_training.networks.backbones import LOGITS, TRUNK, build_classifier
from hemato_training.networks.keras_model import keras_logits
from hemato_training.progress import Silent
from hemato_training.runs.checkpoints import State, earlier_run, refuse_another_run, save_checkpoint
from hemato_training.runs.curves import draw_confusion, draw_curves
from hemato_training.runs.files import METRICS_FILE, MODEL_FILE, RUN_FILE, versions
from hemato_training.runs.schedule import CROSS_ENTROPY, compile_stage, learnt_weights

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_training.classify.material import Material
    from hemato_training.metrics.classification import Figures
    from hemato_training.progress import Reporter
    from hemato_training.runs.settings import Settings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run ended with: its best epoch, and that epoch's figures on the validation cells."""

    model: Path
    epoch: int
    laboratories: dict[str, Figures]
    overall: Figures

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "model": str(self.model),
            "epoch": self.epoch,
            "macro_accuracy": macro_accuracy(self.laboratories),
            "laboratories": {name: figures.as_json() for name, figures in self.laboratories.items()},
            "overall": self.overall.as_json(),
        }


def train(
    settings: Settings, *, resume: bool = False, cache: Path | None = None, reporter: Reporter | None = None
) -> Outcome:
    """Train a classifier into `settings.out`: model.keras, run.json, metrics.json, curves.png, confusion_*.png.

    While it runs `model.keras` is the best epoch so far, so a run that is interrupted leaves a usable model and, with
    `resume`, goes on.

    Args:
        settings: the run.
        resume: go on from the checkpoint in `settings.out`, if it has one.
        cache: folder for crops; "cells" in the run's folder unless named.
        reporter: receives progress.

    Raises:
        DataError: if data are missing or leak, or the folder holds a run that is not to be resumed, or another one.
        ConfigurationError: for impossible settings.
    """
    reporter = reporter or Silent()
    earlier = earlier_run(settings.out, resume=resume)
    cv2.setNumThreads(1)  # the batches are made in threads of their own
    keras.utils.set_random_seed(settings.seed)
    material = gather(settings, cache or settings.out / "cells", reporter)
    targets, sizes = _attributes(settings, material)
    if earlier is None:
        model = new_model(settings, settings.weights)
        if sizes:
            model = with_attributes(model, sum(sizes))
        state = State(settings=settings.as_json(), splits=material.splits)
    else:
        model, state = earlier
        refuse_another_run(settings.out, settings.differences(state.settings), state, material.splits)
    settings.out.mkdir(parents=True, exist_ok=True)
    _write_run(settings, material)
    teachers = None
    if settings.teachers:
        teachers = Teachers(settings.teachers, settings.architecture, settings.size, settings.alpha)
    beside = {ATTRIBUTES: (AttributeLoss(sizes), settings.attribute_weight)} if sizes else None
    pupil = _Pupil(model, new_model(settings, "none"), teachers, targets, beside)
    while state.epoch < settings.total_epochs and not _is_stale(state, settings):
        _run_epoch(pupil, state, settings, material, reporter)
        save_checkpoint(settings.out, model, state)
    if settings.keep == "last":
        pupil.judge.set_weights(learnt_weights(model, (TRUNK, LOGITS)))
        pupil.judge.save(settings.out / MODEL_FILE)
    return _finish(settings, state, material)


@dataclass(frozen=True, slots=True)
class _Pupil:
    """The model that is trained, and what for.

    Attributes:
        model: the classifier, or one from `classify.joint.with_attributes`.
        judge: the classifier that is judged, with the averaged weights.
        teachers: whose answers are learnt, if anybody's.
        attributes: of the training cells, if they are learnt together with the names.
        beside: loss and weight of the outputs beside the names.
    """

    model: Any
    judge: Any
    teachers: Teachers | None
    attributes: NDArray[np.float32] | None
    beside: dict[str, tuple[Any, float]] | None


def _attributes(settings: Settings, material: Material) -> tuple[NDArray[np.float32] | None, tuple[int, ...]]:
    if not settings.attribute_weight:
        return None, ()
    return attribute_targets(settings.data, material.train)


def new_model(settings: Settings, weights: str) -> Any:
    """The classifier of a run, not yet compiled, that begins with `weights`."""
    return build_classifier(
        settings.architecture,
        settings.size,
        len(CLASSIFIER_LABELS),
        alpha=settings.alpha,
        weights=weights,
        dropout=settings.dropout,
    )


def _run_epoch(pupil: _Pupil, state: State, settings: Settings, material: Material, reporter: Reporter) -> None:
    """One epoch and its validation; keeps the judged weights if they are the best so far."""
    began = time.monotonic()
    model, judge = pupil.model, pupil.judge
    batches = _batches(settings, material, pupil, state.epoch)
    fine = state.epoch >= settings.head_epochs
    if state.epoch in (0, settings.head_epochs):
        compile_stage(model, settings, fine=fine, steps_per_epoch=len(batches), beside=pupil.beside)
    _seed_dropout(model, settings.seed, state.epoch)
    what = f"epoch {state.epoch + 1} of {settings.total_epochs}{'' if fine else ', trunk frozen'}"
    learnt = _fit_one_epoch(model, batches, what, reporter)
    judge.set_weights(learnt_weights(model, (TRUNK, LOGITS)))
    logits = keras_logits(judge, material.val_images)
    by_name, overall = figures_by_laboratory(logits, material.val)
    score = _steady_score(judge, material, by_name) if settings.keep == "best" else macro_accuracy(by_name)
    state.epoch += 1
    if (score, -overall.nll) > (state.best_score, -state.best_loss):
        state.best_score, state.best_loss, state.best_epoch = score, overall.nll, state.epoch
        judge.save(settings.out / MODEL_FILE)
    seconds = time.monotonic() - began
    state.history.append(
        {
            "epoch": state.epoch,
            "stage": "fine" if fine else "head",
            **learnt,
            "seconds": round(seconds, 1),
            "macro_accuracy": score,
            "laboratories": {
                name: {"accuracy": f.accuracy, "balanced_accuracy": f.balanced_accuracy, "nll": f.nll}
                for name, f in by_name.items()
            },
        }
    )
    accuracies = ", ".join(f"{name} {100 * f.accuracy:.1f} %" for name, f in by_name.items())
    best = " (best so far)" if state.best_epoch == state.epoch else ""
    plain = f", cross entropy {learnt[CROSS_ENTROPY]:.3f}" if settings.label_smoothing or pupil.beside else ""
    reporter.note(f"{what}: loss {learnt['loss']:.3f}{plain}, val {accuracies}, {seconds:.0f} s{best}")


def _batches(settings: Settings, material: Material, pupil: _Pupil, epoch: int) -> TrainingBatches:
    return TrainingBatches(
        material.train,
        material.looks,
        draw_epoch(material.train, settings.oversample, settings.seed, epoch, settings.views),
        size=settings.size,
        classes=len(CLASSIFIER_LABELS),
        batch=settings.batch,
        seed=settings.seed,
        epoch=epoch,
        strength=settings.strength,
        workers=settings.workers,
        teachers=pupil.teachers,
        teaching=settings.teaching,
        attributes=pupil.attributes,
    )


def _steady_score(judge: Any, material: Material, upright: dict[str, Figures]) -> float:
    """Macro accuracy, mean over the four orientations of each validation cell.

    A cell has no up and down, and a laboratory of 74 cells moves by 1.4 points with each: four looks at every cell
    choose the epoch with less luck.
    """
    scores = [macro_accuracy(upright)]
    for quarter_turns in (1, 2, 3):
        images = np.rot90(material.val_images, quarter_turns, axes=(1, 2))
        scores.append(macro_accuracy(figures_by_laboratory(keras_logits(judge, images), material.val)[0]))
    return float(np.mean(scores))


def _seed_dropout(model: Any, seed: int, epoch: int) -> None:
    """Let dropout, too, follow from seed and epoch: Keras does not keep its state in a checkpoint."""
    layers = [part for layer in model.layers for part in (layer, *getattr(layer, "layers", ()))]
    generators = [getattr(layer, "seed_generator", None) for layer in layers if isinstance(layer, keras.layers.Dropout)]
    for number, generator in enumerate(one for one in generators if one is not None):
        generator.state.assign(np.array([seed, 1_000_000 * (epoch + 1) + number], np.uint32))


def _fit_one_epoch(model: Any, batches: TrainingBatches, what: str, reporter: Reporter) -> dict[str, float]:
    """Fit one epoch, telling the reporter about each batch; returns the means of training loss and cross entropy."""
    steps = reporter.track(range(len(batches)), what, len(batches))
    # the generator advances the bar when asked for the next item, so each finished batch asks once
    callback = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: next(steps, None))
    try:
        history = model.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[callback])
    finally:
        steps.close()
    loss = float(history.history["loss"][0])
    of_names = [value[0] for name, value in history.history.items() if name.endswith(CROSS_ENTROPY)]
    return {"loss": loss, CROSS_ENTROPY: float(of_names[0]) if of_names else loss}


def _is_stale(state: State, settings: Settings) -> bool:
    waited = state.epoch - max(state.best_epoch, settings.head_epochs)
    return settings.patience > 0 and waited >= settings.patience


def _write_run(settings: Settings, material: Material) -> None:
    cells = {
        name: {
            "train": len(material.train.of_laboratory(name)),
            "val": len(material.val.of_laboratory(name)),
            "split_sha256": digest,
        }
        for name, digest in material.splits.items()
    }
    run = {
        "settings": settings.as_json(),
        "labels": list(CLASSIFIER_LABELS),
        "data": cells,
        "left_out": list(material.left_out),
        "looks": {name: look.as_json() for name, look in material.looks.items()},
        "versions": versions(),
    }
    (settings.out / RUN_FILE).write_text(json.dumps(run, indent=1))


def _finish(settings: Settings, state: State, material: Material) -> Outcome:
    """Judge the best model once more, from its file, and write figures and pictures."""
    best = keras.models.load_model(settings.out / MODEL_FILE, compile=False)
    by_name, overall = figures_by_laboratory(keras_logits(best, material.val_images), material.val)
    epoch = state.epoch if settings.keep == "last" else state.best_epoch
    outcome = Outcome(settings.out / MODEL_FILE, epoch, by_name, overall)
    whole = {**outcome.as_json(), "model": MODEL_FILE, "labels": list(CLASSIFIER_LABELS), "history": state.history}
    (settings.out / METRICS_FILE).write_text(json.dumps(whole, indent=1))
    draw_curves(state.history, settings.out / "curves.png")
    for name, figures in (*by_name.items(), ("all", overall)):
        title = f"{name} val: {100 * figures.accuracy:.1f} % of {figures.cells}"
        draw_confusion(figures.confusion, CLASSIFIER_LABELS, title, settings.out / f"confusion_{name}.png")
    return outcome
