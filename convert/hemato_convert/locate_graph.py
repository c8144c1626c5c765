"""A locator's graph adapted to the device's runtime, and its full-int8 flatbuffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from hemato_convert.flatbuffer.quantise import check_flatbuffer, full_integer, name_tensors
from hemato_edge.labels import KINDS
from hemato_edge.models.locator_model import BOXES, HEAT
from hemato_training.networks.locator import PREPROCESSING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Doubled(keras.layers.Layer):  # type: ignore[misc]
    """Every place (n, h, w, c) repeated as a square of two by two: (n, 2 h, 2 w, c).

    Equivalent to nearest-neighbour upsampling, in operations supported by XNNPACK: Keras's own split the graph into
    seven partitions, this leaves one.
    """

    def call(self, maps: Any) -> Any:
        """Four copies, rearranged as squares."""
        import tensorflow as tf

        return tf.nn.depth_to_space(tf.concat([maps] * 4, -1), 2)

    def compute_output_shape(self, shape: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Twice the height and width."""
        return shape[0], 2 * shape[1], 2 * shape[2], shape[3]


def with_copies_for_enlargement(model: Any) -> Any:
    """The same locator, with `Doubled` for each nearest-neighbour upsampling by two; the outputs are equal."""

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
        model: from `hemato_training.networks.locator.build_locator`.
        representative: (n, height, width, 3) uint8 RGB windows.

    Raises:
        ModelError: the converter fails, or its output fails `check_flatbuffer`.
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
