"""Trunks of a few layers, for tests of what happens around a network."""

from __future__ import annotations

from typing import Any

import keras

from hemato_training.networks.backbones import Architecture


def build(size: int, alpha: float, weights: str) -> Any:
    image = keras.Input((size, size, 3))
    features = image
    for filters in (8, 16, 24):
        features = keras.layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(features)
        features = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(features))
    return keras.Model(image, features)


TINY = Architecture(build, has_alpha=True, static_batch=False)


def build_like_mobilenet(size: int, alpha: float, weights: str) -> Any:
    """MobileNetV2's operations and its share of the picture, 1 in 32, in six blocks instead of seventeen.

    Two layers are named like those that an attribute branch reads.
    """
    image = keras.Input((size, size, 3))
    features = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(image)
    features = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(features))
    for stride, name in ((2, None), (2, None), (1, "block_5_add"), (2, "block_12_add"), (2, None)):
        block = keras.layers.Conv2D(24, 1, use_bias=False)(features)
        block = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(block))
        block = keras.layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(block)
        block = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(block))
        block = keras.layers.Conv2D(12, 1, use_bias=False)(block)
        block = keras.layers.BatchNormalization(name=None if stride == 1 else name)(block)
        features = keras.layers.Add(name=name)([features, block]) if stride == 1 else block
    features = keras.layers.Conv2D(64, 1, use_bias=False)(features)
    return keras.Model(image, keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(features)))


LIKE_MOBILENET = Architecture(build_like_mobilenet, has_alpha=True, static_batch=False)
