"""The two stages of a run and the optimiser of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from hemato_training.networks.backbones import LOGITS, set_trainable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hemato_training.runs.settings import Settings

HEAD_RATE = 2e-3
"""Learning rate of the dense layer while the trunk is frozen."""
CROSS_ENTROPY = "cross_entropy"
"""The plain cross entropy of an epoch's training views in a history: with label smoothing the loss is another quantity,
which lies higher, and can be compared neither with validation nor with a run without smoothing."""
WARM_UP = 0.06
"""Share of a stage over which the learning rate rises from zero."""


def compile_stage(
    model: Any,
    settings: Settings,
    *,
    fine: bool,
    steps_per_epoch: int,
    beside: Mapping[str, tuple[Any, float]] | None = None,
) -> None:
    """Freeze and compile a model for its first (frozen trunk) or second stage (all layers, batch norm frozen).

    Args:
        model: a classifier, or one with outputs beside the names, called "logits".
        settings: of the run.
        fine: whether it is the second stage.
        steps_per_epoch: batches of one epoch.
        beside: of each output beside the names the loss and its weight; the names' own weight is 1.
    """
    set_trainable(model, trunk=fine, batch_norm=fine and settings.train_batch_norm, frozen_share=settings.frozen_share)
    steps = steps_per_epoch * (settings.epochs if fine else settings.head_epochs)
    peak = settings.learning_rate if fine else HEAD_RATE
    optimizer = averaging_optimizer(peak, steps, settings.weight_decay, settings.average)
    names = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing)
    plain = keras.metrics.CategoricalCrossentropy(name=CROSS_ENTROPY, from_logits=True)
    if beside is None:
        compile_model(model, optimizer, names, metrics=[plain])
        return
    losses = {LOGITS: names, **{output: loss for output, (loss, _) in beside.items()}}
    weights = {LOGITS: 1.0, **{output: weight for output, (_, weight) in beside.items()}}
    compile_model(model, optimizer, losses, metrics={LOGITS: [plain]}, loss_weights=weights)


def compile_model(model: Any, optimizer: AveragingAdamW, loss: Any, **named: Any) -> None:
    """Compile a model for training, for a quick first step.

    Args:
        model: its trainable layers are those that will learn.
        optimizer: its variables are made here: made in the first step, they have TensorFlow trace that step twice
            (8 s of processor time against 5 s for an attribute branch of 34 weights, with the same result).
        loss: as `keras.Model.compile` takes it.
        named: metrics and weights of losses, as `keras.Model.compile` takes them.
    """
    # XLA compilation takes minutes on a CPU and saves nothing there
    model.compile(optimizer, loss, **named, jit_compile=keras.backend.backend() != "tensorflow")
    optimizer.build(model.trainable_variables)


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
    """AdamW that keeps a moving average of the weights beside them, and exempts biases and batch norm from decay.

    Keras's own would overwrite the weights with their average at the end of each `fit`, that is of each epoch, and
    would lose the exemptions after loading.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])

    def finalize_variable_values(self, var_list: Any) -> None:
        """Leave the weights unchanged."""

    def averages(self) -> list[Any]:
        """The average of each trainable variable, in order; empty without averaging or before the first step."""
        if not self.use_ema or int(self.iterations) == 0:
            return []
        return list(self._model_variables_moving_average)


def learnt_weights(model: Any, layers: Sequence[str] = ()) -> list[Any]:
    """The model's weights as arrays, with the optimiser's averages in place of trainable ones, if it keeps any.

    Args:
        model: one that was compiled.
        layers: names of those whose weights are wanted, in this order; none for all.
    """
    weights = [weight for name in layers for weight in model.get_layer(name).weights] if layers else model.weights
    averages = model.optimizer.averages()
    replaced = dict(zip(map(id, model.trainable_variables), averages, strict=True)) if averages else {}
    return [keras.ops.convert_to_numpy(replaced.get(id(weight), weight)) for weight in weights]
