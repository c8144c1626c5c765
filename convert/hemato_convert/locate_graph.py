"""A locator's graph as the device's runtime likes it, and its full-int8 flatbuffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from hemato_convert.quantise import check_flatbuffer, full_integer, name_tensors
from hemato_edge.labels import KINDS
from hemato_edge.models.locator_model import BOXES, HEAT
from hemato_training.networks.locator import PREPROCESSING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Doubled(keras.layers.Layer):  # type: ignore[misc]
    """Every place (n, h, w, c) as a square of two by two: (n, 2 h, 2 w, c).

    The same as the nearest-neighbour enlargement, in operations that XNNPACK takes: with that of Keras it ran the graph
    in seven pieces, with this one in one.
    """

    def call(self, maps: Any) -> Any:
        """Four copies side by side, laid out as squares."""
        import tensorflow as tf

        return tf.nn.depth_to_space(tf.concat([maps] * 4, -1), 2)

    def compute_output_shape(self, shape: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Twice as high and wide."""
        return shape[0], 2 * shape[1], 2 * shape[2], shape[3]


def with_copies_for_enlargement(model: Any) -> Any:
    """The same locator, with `Doubled` for each nearest-neighbour enlargement by two; the answers are equal."""

    def cloned(layer: Any) -> Any:
        if isinstance(layer, keras.layers.UpSampling2D):
            return Doubled(name=layer.name)
        return type(layer).from_config(layer.get_config())

    made = keras.models.clone_model(model, clone_function=cloned)
    made.set_weights(model.get_weights())
    return made


def quantise_locator(model: Any, representative: NDArray[np.uint8]) -> bytes:
    """The full-int8 flatbuffer of a trained locator: uint8 in, int8 out (tensors "heat" and "boxes").

    Args:
        model: as `locate_network.build_locator` makes it.
        representative: (n, height, width, 3) uint8 RGB windows.

    Raises:
        ModelError: if the converter fails or what it made fails `check_flatbuffer`.
    """
    model = with_copies_for_enlargement(model)
    image = keras.Input(model.input_shape[1:], batch_size=1, name="image")
    after = model.get_layer(PREPROCESSING).output
    without_rescaling = keras.Model(after, model.outputs)
    network = keras.Model(image, without_rescaling(image))
    named = name_tensors(
        full_integer(network, representative), lambda shape: HEAT if shape[-1] == len(KINDS) else BOXES
    )
    check_flatbuffer(named, (HEAT, BOXES))
    return named
