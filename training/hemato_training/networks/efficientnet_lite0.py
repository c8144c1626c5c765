"""EfficientNet-Lite0: the int8 variant of EfficientNet-B0, without squeeze-and-excite and with ReLU6.

R. Liu, "Higher accuracy on vision models with EfficientNet-Lite" (TensorFlow blog, 2020); blocks as in M. Tan and
Q. Le, "EfficientNet", ICML 2019, table 1. Keras does not include it, so its weights come from a file.
"""

from __future__ import annotations

from typing import Any

import keras

BLOCKS = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
"""Per stage: side of the depthwise kernel, stride of its first block, expansion, channels, number of blocks."""
STEM, HEAD = 32, 1280


def efficientnet_lite0(size: int) -> Any:
    """The trunk: (n, size, size, 3) in -1…1 → (n, size/32, size/32, 1280), with random weights."""
    image = keras.Input((size, size, 3))
    features = _convolution(image, STEM, "stem", window=(3, 2))
    channels, number = STEM, 0
    for kernel, stride, expansion, wanted, repeats in BLOCKS:
        for repeat in range(repeats):
            name, entry, step = f"block{number}", features, stride if repeat == 0 else 1
            if expansion > 1:
                features = _convolution(features, channels * expansion, f"{name}_expand")
            features = keras.layers.DepthwiseConv2D(
                kernel, step, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
            )(features)
            features = _normalised(features, f"{name}_depthwise")
            features = _convolution(features, wanted, f"{name}_project", active=False)
            if step == 1 and channels == wanted:
                features = keras.layers.Add(name=f"{name}_add")([entry, features])
            channels, number = wanted, number + 1
    return keras.Model(image, _convolution(features, HEAD, "head"), name="efficientnet_lite0")


def _convolution(
    features: Any, channels: int, name: str, *, window: tuple[int, int] = (1, 1), active: bool = True
) -> Any:
    """A normalised convolution; `window` is the side of its kernel and its stride."""
    convolved = keras.layers.Conv2D(channels, *window, padding="same", use_bias=False, name=f"{name}_conv")(features)
    return _normalised(convolved, name, active=active)


def _normalised(features: Any, name: str, *, active: bool = True) -> Any:
    normal = keras.layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(features)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(normal) if active else normal
