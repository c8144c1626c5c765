"""A trunk of three layers, for tests of what happens around a network."""

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
