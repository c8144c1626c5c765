"""The classifier networks, through one registry.

All share one form: RGB bytes 0 to 255 → `Rescaling` to -1…1 → trunk → global average pooling → dropout → ONE dense
layer of logits. With that head the class activation map is the dense layer applied at every position of the last
feature map, and comes out of the converted model for free. Features with a classical model, which is no network, are
in `classical`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from hemato_edge.errors import ConfigurationError, DataError
from hemato_training.networks.efficientnet_lite0 import efficientnet_lite0
from hemato_training.networks.from_bundle import take_over_bundle
from hemato_training.networks.initial_weights import IMAGENET

if TYPE_CHECKING:
    from collections.abc import Callable

MIN_SIZE, MAX_SIZE = 64, 224
PREPROCESSING = "to_unit"
"""Name of the layer that rescales bytes to -1…1. The converter removes it: the quantised input does the same."""
TRUNK, POOLING, DROPOUT, LOGITS = "trunk", "pooling", "dropout", "logits"


@dataclass(frozen=True, slots=True)
class Architecture:
    """A trunk that can be trained.

    Attributes:
        build: (size, alpha, weights) → trunk from (n, size, size, 3) in -1…1 to a feature map; weights as in
            `build_classifier`.
        has_alpha: whether its width is adjustable.
        static_batch: whether the converted model needs a fixed batch of one (otherwise one dynamic reshape per
            squeeze-excite block splits the graph into many partitions).
        min_size: smallest possible input, pixels.
        pretrained: whether Keras has ImageNet weights for it.
        tail: percent of an activation's values beyond its int8 limits that converts best (docs/results/training.md).
    """

    build: Callable[[int, float, str], Any]
    has_alpha: bool
    static_batch: bool
    min_size: int = MIN_SIZE
    pretrained: bool = True
    tail: float = 0.0


def _mobilenet_v2(size: int, alpha: float, weights: str) -> Any:
    return keras.applications.MobileNetV2(
        include_top=False, input_shape=(size, size, 3), alpha=alpha, weights=_keras_weights(weights)
    )


def _efficientnet_b0(size: int, alpha: float, weights: str) -> Any:
    whole = keras.applications.EfficientNetB0(
        include_top=False, input_shape=(size, size, 3), weights=_keras_weights(weights)
    )
    return _without_preprocessing(whole, fold=weights != "none")


def _efficientnet_lite0(size: int, alpha: float, weights: str) -> Any:
    trunk = efficientnet_lite0(size)
    if weights != "none":
        trunk.load_weights(weights)
    return trunk


def _resnet50(size: int, alpha: float, weights: str) -> Any:
    whole = keras.applications.ResNet50(include_top=False, input_shape=(size, size, 3), weights=_keras_weights(weights))
    if weights != "none":
        absorb_caffe_colours(whole.get_layer("conv1_conv"))
    return whole


def _inception_v3(size: int, alpha: float, weights: str) -> Any:
    return keras.applications.InceptionV3(
        include_top=False, input_shape=(size, size, 3), weights=_keras_weights(weights)
    )


def _vgg16(size: int, alpha: float, weights: str) -> Any:
    whole = keras.applications.VGG16(include_top=False, input_shape=(size, size, 3), weights=_keras_weights(weights))
    if weights != "none":
        absorb_caffe_colours(whole.get_layer("block1_conv1"))
    return whole


def _densenet121(size: int, alpha: float, weights: str) -> Any:
    whole = keras.applications.DenseNet121(
        include_top=False, input_shape=(size, size, 3), weights=_keras_weights(weights)
    )
    if weights != "none":
        absorb_torch_colours(whole.get_layer("conv1_conv"), whole.get_layer("conv1_bn"))
    return whole


def _simple_cnn(size: int, alpha: float, weights: str) -> Any:
    image = keras.Input((size, size, 3))
    features = image
    for filters in (32, 64, 128):
        features = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(features)
        features = keras.layers.MaxPooling2D()(features)
    trunk = keras.Model(image, keras.layers.Conv2D(128, 3, padding="same", activation="relu")(features))
    if weights != "none":
        trunk.load_weights(weights)
    return trunk


def absorb_caffe_colours(stem: Any) -> None:
    """Adapt a first convolution trained on B, G, R minus the ImageNet mean to R, G, B in -1…1.

    Both are affine in the bytes, so kernel and bias absorb the difference (`keras.applications.imagenet_utils`, mode
    "caffe"). Only the zero padding at the border differs.
    """
    kernel = np.asarray(stem.kernel)[:, :, ::-1]
    offset = 127.5 - np.array([123.68, 116.779, 103.939])
    stem.bias.assign(np.asarray(stem.bias) + np.einsum("hwio,i->o", kernel, offset))
    stem.kernel.assign(kernel * 127.5)


def absorb_torch_colours(stem: Any, norm: Any) -> None:
    """Adapt a first convolution without bias, trained on (RGB / 255 - mean) / deviation of ImageNet, to RGB in -1…1.

    The slope goes into the kernel, the offset into the mean of the following batch norm
    (`keras.applications.imagenet_utils`, mode "torch"). Only the zero padding at the border differs.
    """
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    kernel = np.asarray(stem.kernel)
    norm.moving_mean.assign(np.asarray(norm.moving_mean) - np.einsum("hwio,i->o", kernel, (0.5 - mean) / deviation))
    stem.kernel.assign(kernel * (0.5 / deviation)[None, None, :, None])


def _keras_weights(weights: str) -> str | None:
    return None if weights == "none" else weights


def _without_preprocessing(whole: Any, *, fold: bool) -> Any:
    """EfficientNet from its stem on, with -1…1 input as in MobileNetV2, instead of its own normalisation of 0…255.

    That normalisation is affine per channel, so trained weights absorb it: its slope into the stem's kernel, its offset
    into the mean of the following batch norm. Only the zero padding at the border differs.
    """
    stem = whole.get_layer("stem_conv")
    if fold:
        first = keras.Model(whole.inputs[0], whole.get_layer("stem_conv_pad").input)
        side = whole.input_shape[1]
        black, white = (
            np.asarray(first(np.full((1, side, side, 3), value, np.float32)))[0, 0, 0] for value in (0.0, 255.0)
        )
        slope, offset = (white - black) / 2, (white + black) / 2
        kernel = np.asarray(stem.kernel)
        norm = whole.get_layer("stem_bn")
        norm.moving_mean.assign(np.asarray(norm.moving_mean) - np.einsum("hwio,i->o", kernel, offset))
        stem.kernel.assign(kernel * slope[None, None, :, None])
    return keras.Model(whole.get_layer("stem_conv_pad").input, whole.output)


ARCHITECTURES: dict[str, Architecture] = {
    "mobilenet_v2": Architecture(_mobilenet_v2, has_alpha=True, static_batch=False),
    "efficientnet_b0": Architecture(_efficientnet_b0, has_alpha=False, static_batch=True, tail=0.01),
    "efficientnet_lite0": Architecture(_efficientnet_lite0, has_alpha=False, static_batch=False, pretrained=False),
    "resnet50": Architecture(_resnet50, has_alpha=False, static_batch=False),
    "inception_v3": Architecture(_inception_v3, has_alpha=False, static_batch=False, min_size=75),
    "vgg16": Architecture(_vgg16, has_alpha=False, static_batch=False),
    "densenet121": Architecture(_densenet121, has_alpha=False, static_batch=False),
    "simple_cnn": Architecture(_simple_cnn, has_alpha=False, static_batch=False, pretrained=False),
}


def build_classifier(
    architecture: str, size: int, classes: int, *, alpha: float = 1.0, weights: str = IMAGENET, dropout: float = 0.2
) -> Any:
    """A classifier, not yet compiled.

    Args:
        architecture: key of `ARCHITECTURES`.
        size: side of the input, the architecture's `min_size` to `MAX_SIZE` pixels.
        classes: number of logits.
        alpha: width of MobileNetV2, 0.35 to 1.0.
        weights: "imagenet" (downloaded by Keras), "none", a file of weights without top, or the `.keras` or int8
            bundle of an earlier run of the same architecture, at any input size.
        dropout: share of features dropped before the dense layer.

    Returns:
        A `keras.Model`: (n, size, size, 3) RGB 0…255 → (n, classes) logits.

    Raises:
        ConfigurationError: unknown architecture, size or width.
        DataError: the weights are missing or do not fit.
    """
    chosen = architecture_named(architecture)
    if not chosen.min_size <= size <= MAX_SIZE:
        raise ConfigurationError(
            f"The input size {size} is out of range for {architecture}.",
            f"Choose {chosen.min_size} to {MAX_SIZE} pixels.",
        )
    if chosen.has_alpha and not 0.3 <= alpha <= 1.4:
        raise ConfigurationError(f"The width {alpha} is out of range.", "Choose --alpha from 0.35 to 1.0.")
    earlier = weights.endswith((".keras", ".tflite"))
    trunk = _build_trunk(chosen, size, alpha, "none" if earlier else weights)
    trunk.name = TRUNK
    inputs = keras.Input((size, size, 3), name="image")
    features = trunk(keras.layers.Rescaling(1 / 127.5, offset=-1.0, name=PREPROCESSING)(inputs))
    pooled = keras.layers.GlobalAveragePooling2D(name=POOLING)(features)
    dropped = keras.layers.Dropout(dropout, name=DROPOUT)(pooled)
    logits = keras.layers.Dense(classes, dtype="float32", name=LOGITS)(dropped)
    model = keras.Model(inputs, logits, name=architecture)
    if earlier:
        _take_over(model, Path(weights))
    return model


def _take_over(model: Any, path: Path) -> None:
    """Load all weights of an earlier run."""
    if path.suffix == ".tflite":
        take_over_bundle(model.get_layer(TRUNK), model.get_layer(LOGITS), path)
        return
    try:
        model.set_weights(keras.models.load_model(path, compile=False).get_weights())
    except (ValueError, OSError, TypeError, KeyError) as error:
        raise DataError(
            f"{path} cannot be continued with this architecture.", "Name the model.keras of a run of the same one."
        ) from error


def architecture_named(name: str) -> Architecture:
    """The architecture called `name`.

    Raises:
        ConfigurationError: there is none.
    """
    if name not in ARCHITECTURES:
        raise ConfigurationError(
            f"Unknown architecture {name!r}.",
            f"Known: {', '.join(ARCHITECTURES)}; features+svm and its like are trained by `hemato-edge train compare`.",
        )
    return ARCHITECTURES[name]


def set_trainable(model: Any, *, trunk: bool, batch_norm: bool = False, frozen_share: float = 0.0) -> None:
    """Choose what is trained: the dense layer always, the trunk and its batch normalisation as given.

    Keras 3 passes `training=True` of the outer model to nested layers, so a batch norm must be frozen layer by layer:
    only `trainable = False` on the layer itself makes it use (and keep) its moving statistics.

    Args:
        model: from `build_classifier`.
        trunk: whether the trunk is trained at all.
        batch_norm: whether its batch normalisation is.
        frozen_share: share of the trunk's layers with weights, counted from the input, that stay frozen: 0.7 trains
            only the top of the trunk.

    Raises:
        ConfigurationError: the share is not within 0 and 1.
    """
    if not 0 <= frozen_share <= 1:
        raise ConfigurationError(f"The frozen share {frozen_share} is out of range.", "Choose 0 to 1.")
    layers = model.get_layer(TRUNK).layers
    weighty = [layer for layer in layers if layer.weights]
    frozen = {id(layer) for layer in weighty[: round(frozen_share * len(weighty))]}
    for layer in layers:
        learns = batch_norm or not isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = trunk and learns and id(layer) not in frozen


def _build_trunk(chosen: Architecture, size: int, alpha: float, weights: str) -> Any:
    if weights == IMAGENET and not chosen.pretrained:
        raise DataError(
            "Keras has no weights of this architecture from ImageNet.",
            "Name a file with --weights, or `--weights none`.",
        )
    if weights not in (IMAGENET, "none") and not Path(weights).is_file():
        raise DataError(f"There is no weights file at {weights}.", "Name one with --weights, or `--weights none`.")
    try:
        with warnings.catch_warnings():
            # Keras only warns if a file lacks a layer, and leaves that layer random
            warnings.filterwarnings("error", "Skipping nested container", UserWarning)
            return chosen.build(size, alpha, weights)
    except Exception as error:  # Keras raises a bare Exception when a download fails
        if weights == "none":
            raise
        first = str(error).strip().splitlines()[0]
        raise DataError(
            f"The weights {weights} could not be loaded: {first}",
            "Give a file that fits architecture and width with --weights, or train without by `--weights none`.",
        ) from error
