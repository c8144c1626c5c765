"""The branch that reads morphological attributes off a classifier's trunk, and changes nothing in it.

Pooled features have lost where things are, and the shape of a nucleus is just that: so the branch also reads two of the
trunk's maps, of an eighth and a sixteenth of the input's size, with 4 % of MobileNetV2's multiply-adds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TAPS: dict[str, tuple[str, str]] = {"mobilenet_v2": ("block_5_add", "block_12_add")}
"""Architecture → the layers whose maps are read, the second of half the first one's size. Others have no branch."""
ATTRIBUTES, SUBTYPES = "attributes", "subtypes"
"""Names of the branches and of their outputs in a bundle: morphological attributes, and the level below the classes."""
_WIDTHS = (96, 160, 192)
_DROPOUT = 0.3


def build_branch(
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]], values: int, name: str = ATTRIBUTES
) -> Any:
    """A branch, not yet compiled.

    Args:
        shapes: of the two maps (h, w, c) and of the pooled features (c,), without the batch.
        values: of all attributes together.
        name: of its output.

    Returns:
        A `keras.Model`: [fine map, coarse map, pooled features] → logits (n, values).
    """
    fine, coarse, pooled = (keras.Input(shape) for shape in shapes)
    entry, middle, last = _WIDTHS
    halved = _activated(_activated(fine, None, stride=2), entry)
    joined = keras.layers.Concatenate()([coarse, halved])
    features = _activated(_activated(_activated(joined, middle), None), last)
    both = keras.layers.Concatenate()([keras.layers.GlobalAveragePooling2D()(features), pooled])
    logits = keras.layers.Dense(values, dtype="float32")(keras.layers.Dropout(_DROPOUT)(both))
    return keras.Model([fine, coarse, pooled], logits, name=name)


def _activated(maps: Any, channels: int | None, stride: int = 1) -> Any:
    """A pointwise convolution to so many channels, or for None a depthwise one of 3 × 3, with norm and ReLU6."""
    if channels is None:
        convolved = keras.layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(maps)
    else:
        convolved = keras.layers.Conv2D(channels, 1, use_bias=False)(maps)
    return keras.layers.ReLU(6.0)(keras.layers.BatchNormalization(momentum=0.9)(convolved))


def front_of(model: Any, taps: tuple[str, str]) -> Any:
    """The classifier up to what a branch reads: image (n, S, S, 3) RGB 0 to 255 → [fine, coarse, pooled].

    Args:
        model: from `networks.backbones.build_classifier`.
        taps: from `TAPS`.
    """
    trunk, image = model.get_layer("trunk"), keras.Input(model.input_shape[1:])
    maps = [*(trunk.get_layer(name).output for name in taps), trunk.outputs[0]]
    fine, coarse, features = keras.Model(trunk.inputs, maps)(model.get_layer("to_unit")(image))
    return keras.Model(image, [fine, coarse, model.get_layer("pooling")(features)])


class Standard:
    """Pooled features at zero mean and about unit deviation, and the way back into the branch's weights.

    No feature is enlarged more than one of mean deviation: the dense layer's int8 steps are shared by all, and many
    features of a trained network are silent in most cells.

    Args:
        pooled: (n, features), of the training cells.
    """

    def __init__(self, pooled: NDArray[np.floating[Any]]) -> None:
        self._middle = pooled.mean(axis=0, dtype=np.float64)
        deviation = pooled.std(axis=0, dtype=np.float64)
        self._deviation = np.maximum(deviation, max(float(deviation.mean()), 1e-6))

    def of(self, pooled: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Pooled features (n, features) as the branch learns from them."""
        shown: NDArray[np.float32] = ((pooled - self._middle) / self._deviation).astype(np.float32)
        return shown

    def fold_into(self, branch: Any) -> None:
        """Let a branch that learnt from such features take them as they are."""
        dense = branch.layers[-1]
        kernel, bias = (np.asarray(weight, np.float64) for weight in dense.get_weights())
        own = kernel[-len(self._middle) :] / self._deviation[:, None]
        kernel[-len(self._middle) :] = own
        dense.set_weights([kernel.astype(np.float32), (bias - self._middle @ own).astype(np.float32)])
