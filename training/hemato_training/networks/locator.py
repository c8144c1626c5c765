"""The locator network: a MobileNetV2 trunk, a light top-down decoder, and two maps at a quarter of the input size.

All operations have an int8 form in every TFLite runtime since 2.14. The network is fully convolutional: trained on
square views, it runs on windows of the device's shape with the same weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from hemato_edge.errors import ConfigurationError, DataError
from hemato_edge.labels import KINDS
from hemato_edge.vision.locate.peaks import BOX_VALUES

if TYPE_CHECKING:
    from collections.abc import Sequence

PREPROCESSING, HEAT, BOXES = "to_unit", "heat", "boxes"
"""Names of the layers that the converter uses: bytes to -1…1 (removed there), and the two outputs."""
LEVELS = ("block_3_expand_relu", "block_6_expand_relu", "block_13_expand_relu", "block_16_project_BN")
"""Layers of MobileNetV2 at a quarter, an eighth, a sixteenth and a thirty-second of the input size."""
GRAIN = 32
"""Sides of the input are multiples of this: then all strided layers pad alike, whatever the size."""
_RARE = 0.02
_USUAL_SIZES = (1.88, 1.0, 0.31)
"""Initial box sizes: white cells, red cells and platelets in red-cell diameters."""


def build_locator(height: int, width: int, *, alpha: float = 0.35, channels: int = 40, weights: str = "none") -> Any:
    """A locator, not yet compiled.

    Args:
        height: of the input, pixels, a multiple of `GRAIN`.
        width: likewise.
        alpha: width of the MobileNetV2 trunk, 0.35 to 1.0.
        channels: of the decoder.
        weights: of the trunk: "imagenet" (downloaded by Keras), "none", or a file.

    Returns:
        A `keras.Model`: (n, height, width, 3) RGB 0…255 → heat (n, h, w, kinds) logits and boxes (n, h, w, kinds × 4),
        h and w a quarter of the input; see `vision.locate.peaks.find_peaks`.

    Raises:
        ConfigurationError: impossible size or width.
        DataError: the weights are missing or do not fit.
    """
    if min(height, width) < GRAIN or height % GRAIN or width % GRAIN:
        raise ConfigurationError(
            f"A locator's input cannot be {width} × {height} pixels.", f"Choose multiples of {GRAIN} for both sides."
        )
    trunk = _trunk(height, width, alpha, weights)
    maps = [trunk.get_layer(name).output for name in LEVELS]
    features = keras.Model(trunk.input, maps, name="trunk")
    image = keras.Input((height, width, 3), name="image")
    levels = features(keras.layers.Rescaling(1 / 127.5, offset=-1.0, name=PREPROCESSING)(image))
    decoded = _decoder(levels, channels)
    prior = keras.initializers.Constant(float(np.log(_RARE / (1 - _RARE))))
    heat = keras.layers.Conv2D(len(KINDS), 1, bias_initializer=prior, dtype="float32", name=HEAT)(decoded)
    sizes = keras.initializers.Constant([v for size in _USUAL_SIZES for v in (0.0, 0.0, np.log(size), np.log(size))])
    boxes = keras.layers.Conv2D(len(KINDS) * BOX_VALUES, 1, bias_initializer=sizes, dtype="float32", name=BOXES)(
        decoded
    )
    return keras.Model(image, [heat, boxes], name="locator")


def freeze_statistics(model: Any) -> None:
    """Train the trunk, but not its pretrained batch statistics: a few fields would spoil them."""
    for layer in model.get_layer("trunk").layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _trunk(height: int, width: int, alpha: float, weights: str) -> Any:
    named = None if weights == "none" else weights
    try:
        return keras.applications.MobileNetV2(
            include_top=False, input_shape=(height, width, 3), alpha=alpha, weights=named
        )
    except Exception as error:
        first = str(error).strip().splitlines()[0]
        raise DataError(
            f"The weights {weights} could not be loaded: {first}",
            "Give a file of MobileNetV2 without top of this --alpha with --weights, or `--weights none`.",
        ) from error


def _decoder(levels: Sequence[Any], channels: int) -> Any:
    """From the coarsest map to the finest, each merged with the trunk's; then one plain convolution."""
    layers = keras.layers
    decoded = layers.Conv2D(channels, 1, name="lateral_32")(levels[-1])
    for level, stride in zip(reversed(levels[:-1]), (16, 8, 4), strict=True):
        lateral = layers.Conv2D(channels, 1, name=f"lateral_{stride}")(level)
        decoded = layers.Add()([layers.UpSampling2D(2, interpolation="nearest")(decoded), lateral])
        decoded = _rectified(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(decoded))
        decoded = _rectified(layers.Conv2D(channels, 1, use_bias=False)(decoded))
    return _rectified(layers.Conv2D(channels, 3, padding="same", use_bias=False)(decoded))


def _rectified(features: Any) -> Any:
    return keras.layers.ReLU(6.0)(keras.layers.BatchNormalization(momentum=0.98)(features))


def multiply_adds(model: Any) -> int:
    """Multiply-add operations per inference, over all convolutions."""
    return sum(_cost(layer) for layer in _flat(model))


def _flat(model: Any) -> list[Any]:
    return [part for layer in model.layers for part in (_flat(layer) if isinstance(layer, keras.Model) else [layer])]


def _cost(layer: Any) -> int:
    if not isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
        return 0
    _, height, width, filters = layer.output.shape
    inputs = 1 if isinstance(layer, keras.layers.DepthwiseConv2D) else layer.input.shape[-1]
    return int(height * width * filters * inputs * np.prod(layer.kernel_size))
