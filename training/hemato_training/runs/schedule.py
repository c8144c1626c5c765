"""The two stages of a run and the optimiser of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from hemato_edge.errors import ConfigurationError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.data.cell_sets import TRAINED_ON, laboratory_named
from hemato_training.networks.backbones import IMAGENET, set_trainable

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD_RATE = 2e-3
"""Learning rate of the dense layer while the trunk is frozen."""
WARM_UP = 0.06
"""Share of a stage over which the learning rate rises from nothing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a run follows from; two runs with equal settings and data are equal.

    Attributes:
        data: directory with one folder per laboratory.
        out: folder of the run.
        laboratories: which data sets under `data` to learn from and be judged by.
        without: labels of cells that are left out, to see what a model makes of a kind it never saw.
        architecture: key of `architectures.ARCHITECTURES`.
        size: side of the input, pixels.
        alpha: width of MobileNetV2.
        weights: "imagenet", "none", a file without top, or the `.keras` of an earlier run to go on from.
        head_epochs: epochs with the trunk frozen.
        epochs: epochs with all layers learning, batch norm frozen.
        batch: images a step.
        learning_rate: highest rate of the second stage.
        weight_decay: of AdamW.
        label_smoothing: 0 to 1.
        dropout: before the dense layer.
        strength: of the augmentation, 0 to 1.
        oversample: how often a cell of another laboratory comes per cell of the largest: bccd is thirty times
            smaller than pbc.
        average: momentum of the exponential moving average of the weights; 0 for none.
        patience: epochs without a better validation before the run ends; 0 for never.
        keep: "best" keeps the epoch that is best on validation, "last" the last. With averaged weights and a rate that
            falls to nothing the last is as good, and owes nothing to luck on a small validation set.
        seed: of all randomness.
        train_batch_norm: let batch norm learn too: needed without pretrained weights.
        frozen_share: share of the trunk, from the picture on, that stays frozen in the second stage, too.
        teachers: trained classifiers whose mean answer to each augmented view is learnt together with the label: an
            ensemble distilled into one network.
        teaching: weight of that answer against the label's, 0 to 1.
        per_class: at most so many cells of each laboratory and class; 0 for all. For trying things out.
        workers: threads that augment.
    """

    data: Path
    out: Path
    laboratories: tuple[str, ...] = TRAINED_ON
    without: tuple[str, ...] = ()
    architecture: str = "mobilenet_v2"
    size: int = 112
    alpha: float = 1.0
    weights: str = IMAGENET
    head_epochs: int = 1
    epochs: int = 10
    batch: int = 32
    learning_rate: float = 6e-4
    weight_decay: float = 1e-3
    label_smoothing: float = 0.1
    dropout: float = 0.2
    strength: float = 0.6
    oversample: float = 6.0
    average: float = 0.995
    patience: int = 0
    keep: str = "best"
    seed: int = 1
    train_batch_norm: bool = False
    frozen_share: float = 0.0
    teachers: tuple[str, ...] = ()
    teaching: float = 0.7
    per_class: int = 0
    workers: int = 2

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.head_epochs < 0 or self.batch < 1:
            raise ConfigurationError("A run needs at least one epoch and one image a batch.", "Check the options.")
        if self.keep not in ("best", "last"):
            raise ConfigurationError(f"Unknown choice of epoch {self.keep!r}.", "Choose --keep best or last.")
        for name in self.laboratories:
            if not laboratory_named(name).trainable:
                raise ConfigurationError(f"{name} is only judged on, never trained on.", "Leave it out.")
        for label in self.without:
            if label not in CLASSIFIER_LABELS:
                raise ConfigurationError(f"There is no class {label!r}.", f"Known: {', '.join(CLASSIFIER_LABELS)}.")
        if not 0 <= self.teaching <= 1:
            raise ConfigurationError(f"The teachers' weight {self.teaching} is out of range.", "Choose 0 to 1.")
        if not 0 <= self.average < 1:
            raise ConfigurationError(f"The average's momentum {self.average} is out of range.", "Choose 0 to 0.9999.")

    @property
    def total_epochs(self) -> int:
        """Epochs of both stages."""
        return self.head_epochs + self.epochs

    def as_json(self) -> dict[str, str | int | float | bool]:
        """As plain JSON values; the weights without their folder."""
        values = asdict(self)
        values["data"], values["out"] = self.data.name, self.out.name
        values["weights"] = Path(self.weights).name
        values["teachers"] = ",".join(Path(teacher).parent.name for teacher in self.teachers)
        values["laboratories"], values["without"] = ",".join(self.laboratories), ",".join(self.without)
        return values

    def differences(self, earlier: Mapping[str, object]) -> list[str]:
        """Names of the settings that decide what is learnt and are not as in an earlier `as_json`."""
        now = self.as_json()
        free = {"data", "out", "workers", "patience", "keep"}
        usual = Settings(data=self.data, out=self.out).as_json()  # what a run of an older version did not write down
        names = [f.name for f in fields(self) if f.name not in free]
        return [name for name in names if earlier.get(name, usual[name]) != now[name]]


def compile_stage(model: Any, settings: Settings, *, fine: bool, steps_per_epoch: int) -> None:
    """Freeze and compile a model for its first (frozen trunk) or second stage (all layers, batch norm frozen)."""
    set_trainable(model, trunk=fine, batch_norm=fine and settings.train_batch_norm, frozen_share=settings.frozen_share)
    steps = steps_per_epoch * (settings.epochs if fine else settings.head_epochs)
    peak = settings.learning_rate if fine else HEAD_RATE
    model.compile(
        averaging_optimizer(peak, steps, settings.weight_decay, settings.average),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing),
        # XLA compiles for minutes on a CPU and saves nothing there
        jit_compile=keras.backend.backend() != "tensorflow",
    )


def averaging_optimizer(peak: float, steps: int, weight_decay: float, average: float) -> AveragingAdamW:
    """AdamW with a cosine schedule after a linear warm-up (Loshchilov and Hutter 2019).

    Args:
        peak: highest learning rate.
        steps: of the whole stage.
        weight_decay: of AdamW.
        average: momentum of the weights' moving average; 0 for none.
    """
    warm_up = max(1, round(WARM_UP * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        peak / 50, decay_steps=max(1, steps - warm_up), alpha=0.01, warmup_target=peak, warmup_steps=warm_up
    )
    return AveragingAdamW(
        rate, weight_decay=weight_decay, global_clipnorm=5.0, use_ema=average > 0, ema_momentum=average or 0.99
    )


@keras.saving.register_keras_serializable("hemato_training")
class AveragingAdamW(keras.optimizers.AdamW):  # type: ignore[misc]  # keras has no types
    """AdamW that keeps a moving average of the weights beside them, and never decays biases and batch norm.

    Keras's own would overwrite the weights with their average at the end of each `fit`, that is of each epoch, and
    would forget after loading what must not decay.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])

    def finalize_variable_values(self, var_list: Any) -> None:
        """Leave the weights as they are."""

    def averages(self) -> list[Any]:
        """The average of each variable that learns, in their order; empty without averaging or before a step."""
        if not self.use_ema or int(self.iterations) == 0:
            return []
        return list(self._model_variables_moving_average)


def learnt_weights(model: Any) -> list[Any]:
    """The model's weights as arrays, with the optimiser's average in place of each that learns, if it keeps one."""
    averages = model.optimizer.averages()
    replaced = dict(zip(map(id, model.trainable_variables), averages, strict=True)) if averages else {}
    return [keras.ops.convert_to_numpy(replaced.get(id(weight), weight)) for weight in model.weights]
