"""Quantisation-aware fine-tuning: a network learns on, seeing the roundings that int8 will bring.

A second graph is laid over the layers of a trained classifier. It shares their weights, rounds each kernel as the
converter will (symmetric, per output channel; the dense layer per tensor) and each activation to 256 steps between
fixed limits. Rounding has no slope, so the gradient passes straight through it (Bengio et al. 2013), but not where a
limit cuts (Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only
inference"). The network is taught by its own float answers (Hinton et al. 2015), because what is wanted is that both
agree. Batch norm stays frozen: the converter folds it into the kernels, and rounding per output channel does not
change under such a scaling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from hemato_training.architectures import LOGITS, POOLING, PREPROCESSING, TRUNK, set_trainable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TAIL = 0.01
"""Percent of an activation's values that lie outside its limits, on either side. The rare extremes that min and max
follow cost all other values their resolution."""
_STEPS = 255
_PER_IMAGE = 4000
_FUSED = {"relu", "relu6"}
"""Activations that the converter computes within the convolution before them."""
_ROUNDED = (
    keras.layers.Add,
    keras.layers.Multiply,
    keras.layers.Concatenate,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.BatchNormalization,
    keras.layers.Conv2D,
)


def round_kernel(kernel: Any, axes: tuple[int, ...]) -> Any:
    """A kernel as int8 holds it: multiples of its largest value over 127, that value taken over `axes`."""
    largest = ops.max(ops.abs(kernel), axis=axes, keepdims=True)
    step = ops.maximum(largest, 1e-12) / 127
    return kernel + ops.stop_gradient(ops.round(kernel / step) * step - kernel)


class RoundedActivation(keras.layers.Layer):  # type: ignore[misc]  # keras has no types
    """Rounds what goes through to 256 steps between two limits, of which one is exactly zero; nothing until set."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = self.add_weight(shape=(2,), initializer="zeros", trainable=False, name="limits")

    def call(self, values: Any) -> Any:
        """The rounded values, of the same shape."""
        low, high = self.limits[0], self.limits[1]
        step = ops.maximum(high - low, 1e-9) / _STEPS
        zero_point = ops.round(-low / step)
        low, high = -zero_point * step, (_STEPS - zero_point) * step
        inside = ops.clip(values, low, high)
        rounded = inside + ops.stop_gradient(ops.round(inside / step) * step - inside)
        return ops.where(self.limits[1] > self.limits[0], rounded, values)


class RoundedKernel(keras.layers.Layer):  # type: ignore[misc]
    """A convolution or dense layer that computes with its rounded kernel; the weights stay those of `layer`."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def call(self, values: Any) -> Any:
        """What the layer would give with rounded weights."""
        layer = self.layer
        if isinstance(layer, keras.layers.Dense):
            result = ops.matmul(values, round_kernel(layer.kernel, (0, 1)))
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            kernel = round_kernel(layer.kernel, (0, 1))
            result = ops.depthwise_conv(
                values, kernel, layer.strides, layer.padding, layer.data_format, layer.dilation_rate
            )
        else:
            result = layer.convolution_op(values, round_kernel(layer.kernel, (0, 1, 2)))
        if layer.use_bias:
            result = ops.add(result, layer.bias)
        return layer.activation(result)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """As the layer's own."""
        return self.layer.compute_output_shape(input_shape)


def rounded_network(model: Any) -> tuple[Any, list[Any], list[Any]]:
    """The graph with roundings over the layers of a classifier.

    Args:
        model: from `architectures.build_classifier`; its weights are shared.

    Returns:
        The network, (n, S, S, 3) in -1…1 → logits; its `RoundedActivation` layers; and the tensor before each.
    """
    trunk = model.get_layer(TRUNK)
    follows = _followers(trunk)
    layers: list[Any] = []
    tensors: list[Any] = []

    def rounded(tensor: Any) -> Any:
        layers.append(RoundedActivation())
        tensors.append(tensor)
        return layers[-1](tensor)

    def call(layer: Any, *given: Any, **named: Any) -> Any:
        kernel = isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
        result = RoundedKernel(layer)(*given) if kernel else layer(*given, **named)
        if isinstance(layer, (*_ROUNDED, keras.layers.DepthwiseConv2D)) and not _is_fused(follows[layer.name]):
            return rounded(result)
        return result

    over = keras.models.clone_model(trunk, clone_function=_itself, call_function=call)
    pooled = rounded(model.get_layer(POOLING)(over.output))
    logits = rounded(RoundedKernel(model.get_layer(LOGITS))(pooled))
    return keras.Model(over.input, logits), layers, tensors


def _itself(layer: Any) -> Any:
    return layer


def _followers(trunk: Any) -> dict[str, list[Any]]:
    """Layer name → the layers that take its output."""
    found: dict[str, list[Any]] = {layer.name: [] for layer in trunk.layers}
    for entry in trunk.get_config()["layers"]:
        for source in _sources(entry["inbound_nodes"]):
            found[source].append(trunk.get_layer(entry["name"]))
    return found


def _sources(value: Any) -> list[str]:
    """Names of the layers that a serialised call takes its tensors from."""
    if isinstance(value, dict):
        history = value.get("keras_history")
        return [history[0]] if history else [name for part in value.values() for name in _sources(part)]
    if isinstance(value, list | tuple):
        return [name for part in value for name in _sources(part)]
    return []


def _is_fused(followers: list[Any]) -> bool:
    """Whether the converter joins a layer with the one after it, so that nothing is rounded between them."""
    if len(followers) != 1:
        return False
    after = followers[0]
    if isinstance(after, keras.layers.BatchNormalization | keras.layers.ReLU):
        return True
    return isinstance(after, keras.layers.Activation) and after.activation.__name__ in _FUSED


def set_limits(
    network: Any, layers: list[Any], tensors: list[Any], images: NDArray[np.uint8], tail: float = TAIL
) -> None:
    """Measure the limits of every activation on images (n, S, S, 3) uint8 and set them.

    The limits enclose zero and all but `tail` percent of the values on either side.
    """
    for layer in layers:
        layer.limits.assign(np.zeros(2, np.float32))
    watching = keras.Model(network.input, tensors)
    rng = np.random.default_rng(0)
    seen: list[list[NDArray[np.float32]]] = [[] for _ in tensors]
    for start in range(0, len(images), 8):
        batch = images[start : start + 8].astype(np.float32) / 127.5 - 1
        for values, kept in zip(watching(batch, training=False), seen, strict=True):
            flat = ops.convert_to_numpy(values).ravel()
            wanted = _PER_IMAGE * len(batch)
            kept.append(flat if flat.size <= wanted else rng.choice(flat, wanted, replace=False))
    for layer, kept in zip(layers, seen, strict=True):
        low, high = np.percentile(np.concatenate(kept), [tail, 100 - tail])
        layer.limits.assign(np.array([min(low, 0.0), max(high, 0.0)], np.float32))


def tune(
    model: Any,
    teacher: Any,
    batches_of: Callable[[int], Any],
    images: NDArray[np.uint8],
    *,
    epochs: int,
    learning_rate: float = 1e-4,
    after_epoch: Callable[[int, float], None] | None = None,
) -> None:
    """Fine-tune a classifier in place so that its int8 form answers as `teacher` does.

    Args:
        model: from `architectures.build_classifier`, trained.
        teacher: a second copy of it, whose answers are learnt.
        batches_of: number of the epoch → its batches, as `batches.TrainingBatches`.
        images: (n, S, S, 3) uint8 RGB, prepared crops that the limits are measured on.
        epochs: how many.
        learning_rate: highest; falls to nothing on a cosine.
        after_epoch: told the number of each finished epoch and its mean loss.
    """
    set_trainable(model, trunk=True)
    teacher.trainable = False
    network, layers, tensors = rounded_network(model)
    set_limits(network, layers, tensors, images)
    image = keras.Input(model.input_shape[1:])
    both = keras.layers.Concatenate()([network(model.get_layer(PREPROCESSING)(image)), teacher(image, training=False)])
    learner = keras.Model(image, both)
    steps = epochs * len(batches_of(0))
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps=max(1, steps), alpha=0.01)
    learner.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.0, global_clipnorm=1.0),
        _as_the_teacher,
        # XLA compiles for minutes on a CPU and saves nothing there
        jit_compile=keras.backend.backend() != "tensorflow",
    )
    for epoch in range(epochs):
        history = learner.fit(batches_of(epoch), epochs=1, shuffle=False, verbose=0)
        if after_epoch is not None:
            after_epoch(epoch + 1, float(history.history["loss"][0]))


def _as_the_teacher(truth: Any, both: Any) -> Any:
    """Cross entropy of the first half of the logits against the probabilities that the second half gives."""
    own, taught = ops.split(both, 2, axis=-1)
    return keras.losses.categorical_crossentropy(ops.stop_gradient(ops.softmax(taught)), own, from_logits=True)
