"""A training run of the locator; resumable after every epoch."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import keras
import numpy as np

from hemato_edge.errors import DataError
from hemato_edge.labels import KINDS
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.learned import LearnedLocator, same_score
from hemato_training.locate.batches import LocatorBatches, draw_epoch
from hemato_training.locate.evaluation import (
    KerasHeat,
    keras_locator,
    load_locator_model,
    locate_all,
    precisions,
    steering_score,
)
from hemato_training.locate.material import LIGHT_DOUBT_SCORE, gather, with_doubts
from hemato_training.locate.settings import TASK, LocateSettings
from hemato_training.locate.targets import box_loss, heat_loss
from hemato_training.networks.locator import build_locator, freeze_statistics, multiply_adds
from hemato_training.progress import Silent
from hemato_training.runs.checkpoints import State, earlier_run, refuse_another_run, save_checkpoint
from hemato_training.runs.files import METRICS_FILE, MODEL_FILE, RUN_FILE, versions
from hemato_training.runs.schedule import averaging_optimizer, compile_model, learnt_weights

if TYPE_CHECKING:
    from hemato_training.locate.material import Material
    from hemato_training.progress import Reporter


@dataclass(frozen=True, slots=True)
class LocateOutcome:
    """Result of a run: its model, the model's epoch, and AP50 by data set and kind on validation fields."""

    model: Path
    epoch: int
    figures: dict[str, dict[str, float]]
    multiply_adds: int

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {**asdict(self), "model": str(self.model)}


def train_locator(settings: LocateSettings, *, resume: bool = False, reporter: Reporter | None = None) -> LocateOutcome:
    """Train a locator into `settings.out`: model.keras, run.json, metrics.json.

    Args:
        settings: the run.
        resume: continue from the checkpoint in `settings.out`, if there is one.
        reporter: for progress.

    Raises:
        DataError: data are missing or leak, or the folder holds a run that is not to be resumed, or another one.
        ConfigurationError: impossible settings.
    """
    reporter = reporter or Silent()
    earlier = earlier_run(settings.out, resume=resume)
    cv2.setNumThreads(1)  # views are drawn in separate threads
    keras.utils.set_random_seed(settings.seed)
    model = _network(settings, settings.view, settings.view, settings.weights) if earlier is None else earlier[0]
    state = State(settings=settings.as_json()) if earlier is None else earlier[1]
    material = gather(settings.data, settings.sets, settings.red_cell_px, settings.out, reporter, settings.limit)
    if earlier is None:
        state.splits = material.splits
    refuse_another_run(settings.out, settings.differences(state.settings), state, material.splits)
    _write_run(settings, material)
    judge = _network(settings, settings.height, settings.width, "none")
    run = _Run(settings, model, judge, state, material, reporter)
    while state.epoch < settings.epochs:
        run.epoch()
        save_checkpoint(settings.out, model, state)
    if settings.keep == "last":
        judge.set_weights(learnt_weights(model))
        judge.save(settings.out / MODEL_FILE)
    return _finish(settings, state, material)


class _Run:
    """State of a run."""

    def __init__(
        self, settings: LocateSettings, model: Any, judge: Any, state: State, material: Material, reporter: Reporter
    ) -> None:
        self.settings, self.model, self.judge = settings, model, judge
        self.state, self.material, self.reporter = state, material, reporter
        self._cleaned_at = -1

    def epoch(self) -> None:
        """One epoch, and an evaluation on the validation fields when due."""
        settings, state = self.settings, self.state
        began = time.monotonic()
        self._clean()
        names = [field.laboratory for field in self.material.train]
        order = draw_epoch(names, {"bccd": settings.oversample}, settings.seed, state.epoch)
        batches = LocatorBatches(
            self.material.drawn,
            order,
            size=settings.view,
            red_cell_px=settings.red_cell_px,
            batch=settings.batch,
            seed=settings.seed,
            epoch=state.epoch,
            strength=settings.strength,
            workers=settings.workers,
        )
        if state.epoch == 0:
            _compile(self.model, settings, len(batches))
        what = f"epoch {state.epoch + 1} of {settings.epochs}"
        losses = self._fit(batches, what)
        state.epoch += 1
        entry: dict[str, Any] = {"epoch": state.epoch, **losses}
        note = f"{what}: heat {losses['heat']:.3f}, boxes {losses['boxes']:.3f}"
        if state.epoch % settings.judge_every == 0 or state.epoch == settings.epochs:
            figures = self._judge()
            entry["ap50"] = figures
            note += "".join(f", {n} {' '.join(f'{v:.3f}' for v in own.values())}" for n, own in figures.items())
        entry["seconds"] = round(time.monotonic() - began, 1)
        state.history.append(entry)
        self.reporter.note(f"{note}, {entry['seconds']:.0f} s")

    def _fit(self, batches: LocatorBatches, what: str) -> dict[str, float]:
        steps = self.reporter.track(range(len(batches)), what, len(batches))
        callback = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: next(steps, None))
        try:
            history = self.model.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[callback]).history
        finally:
            steps.close()
        return {name: float(history[f"{name}_loss"][0]) for name in ("heat", "boxes")}

    def _judge(self) -> dict[str, dict[str, float]]:
        self.judge.set_weights(learnt_weights(self.model))
        locator = keras_locator(self.judge, self.settings.spec)
        figures = precisions(locate_all(locator, self.material.val, self.material.red_cell_px))
        score = steering_score(figures)
        if score > self.state.best_score:
            self.state.best_score, self.state.best_epoch = score, self.state.epoch
            self.judge.save(self.settings.out / MODEL_FILE)
        return figures

    def _clean(self) -> None:
        """Let the network itself find unannotated cells, once the run is far enough for it to be reliable.

        The weights at that epoch are saved, so that a resumed run excludes the same places.
        """
        due = [round(share * self.settings.epochs) for share in self.settings.clean_at]
        passed = [epoch for epoch in due if 0 < epoch <= self.state.epoch]
        if not passed or passed[-1] == self._cleaned_at:
            return
        path = self.settings.out / f"cleaning-{passed[-1]:03d}.weights.h5"
        if self.state.epoch == passed[-1]:
            self.judge.set_weights(learnt_weights(self.model))
            self.judge.save_weights(path)
        else:
            self.judge.load_weights(path)
        locator = LearnedLocator(KerasHeat(self.judge), self.settings.spec, same_score(LIGHT_DOUBT_SCORE))
        scales = self.material.red_cell_px
        self.material = with_doubts(
            self.material,
            lambda field, image: locator.locate(FieldView(image, red_cell_px=scales[field.laboratory])),
            self.reporter,
            is_network=True,
        )
        self._cleaned_at = passed[-1]
        counts = ", ".join(
            f"{sum(int(np.count_nonzero(d.doubtful_kinds == kind)) for d in self.material.drawn)} {name}"
            for kind, name in enumerate(KINDS)
        )
        self.reporter.note(f"doubtful, found by the network and drawn by nobody: {counts}")


def _network(settings: LocateSettings, height: int, width: int, weights: str) -> Any:
    if not weights.endswith(".keras"):
        return build_locator(height, width, alpha=settings.alpha, channels=settings.channels, weights=weights)
    earlier = load_locator_model(Path(weights))
    model = build_locator(height, width, alpha=settings.alpha, channels=settings.channels)
    try:
        model.set_weights(earlier.get_weights())
    except ValueError as error:
        raise DataError(f"{weights} is a locator of another width.", "Give its --alpha.") from error
    return model


def _compile(model: Any, settings: LocateSettings, steps_per_epoch: int) -> None:
    freeze_statistics(model)
    steps = steps_per_epoch * settings.epochs
    optimizer = averaging_optimizer(settings.learning_rate, steps, settings.weight_decay, settings.average)
    compile_model(model, optimizer, {"heat": heat_loss, "boxes": box_loss})


def _write_run(settings: LocateSettings, material: Material) -> None:
    data = {
        name: {
            "train": sum(field.laboratory == name for field in material.train),
            "val": sum(field.laboratory == name for field in material.val),
            "split_sha256": digest,
        }
        for name, digest in material.splits.items()
    }
    run = {
        "task": TASK,
        "settings": settings.as_json(),
        "labels": list(KINDS),
        "data": data,
        "red_cell_px": material.red_cell_px,
        "versions": versions(),
    }
    settings.out.mkdir(parents=True, exist_ok=True)
    (settings.out / RUN_FILE).write_text(json.dumps(run, indent=1))


def _finish(settings: LocateSettings, state: State, material: Material) -> LocateOutcome:
    """Evaluate the saved model once more, from its file, and write the figures."""
    model = keras.models.load_model(settings.out / MODEL_FILE, compile=False)
    figures = precisions(locate_all(keras_locator(model, settings.spec), material.val, material.red_cell_px))
    epoch = state.epoch if settings.keep == "last" else state.best_epoch
    outcome = LocateOutcome(settings.out / MODEL_FILE, epoch, figures, multiply_adds(model))
    whole = {**outcome.as_json(), "model": MODEL_FILE, "history": state.history}
    (settings.out / METRICS_FILE).write_text(json.dumps(whole, indent=1))
    return outcome
