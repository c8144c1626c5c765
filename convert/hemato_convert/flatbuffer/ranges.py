"""Activation limits that exclude rare extremes.

The converter uses the minimum and maximum of each activation. If a few pixels of a few cells are far beyond all others,
as in EfficientNet's squeeze-and-excite blocks, most values are left with only a handful of the 256 steps.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from tensorflow.lite.tools import flatbuffer_utils

from hemato_edge.errors import ConfigurationError
from hemato_edge.models.engines.litert import interpreter_class

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

TAIL_LIMIT = 1.0
"""Percent. More cuts off significant values."""
_PER_IMAGE = 1000


def check_tail(tail: float) -> None:
    """Refuse a tail out of range.

    Raises:
        ConfigurationError: `tail`, in percent, is not within 0 and `TAIL_LIMIT`.
    """
    if not 0 <= tail <= TAIL_LIMIT:
        raise ConfigurationError(
            f"A tail of {tail} % of the activations is out of range.", f"Choose --tail from 0 to {TAIL_LIMIT:g}."
        )


def narrow_ranges(calibrated: bytes, images: NDArray[np.float32], tail: float) -> bytes:
    """A calibrated model with narrower activation limits.

    Args:
        calibrated: float TFLite model with the minimum and maximum of each tensor.
        images: (n, S, S, 3) float32, inputs of the network.
        tail: percent of each tensor's values that may lie beyond its limits, on either side.

    Returns:
        The model with other limits; they still include zero, and those of input and outputs are unchanged.
    """
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(calibrated))
    graph = model.subgraphs[0]
    kept = {*graph.inputs, *graph.outputs}
    inner = [i for i, tensor in enumerate(graph.tensors) if i not in kept and _is_measured(tensor)]
    for index, values in _sampled(calibrated, images, inner).items():
        low, high = np.percentile(values, [tail, 100 - tail])
        if high > low:
            graph.tensors[index].quantization.min = [min(float(low), 0.0)]
            graph.tensors[index].quantization.max = [max(float(high), 0.0)]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _is_measured(tensor: Any) -> bool:
    limits = tensor.quantization
    return limits is not None and limits.min is not None and len(limits.min) == 1


def _sampled(model: bytes, images: NDArray[np.float32], tensors: list[int]) -> dict[int, NDArray[np.float32]]:
    """Tensor → sample of its values, at most `_PER_IMAGE` from each image."""
    with warnings.catch_warnings():
        # it warns that keeping all tensors takes memory; they are needed here
        warnings.filterwarnings("ignore", "Warning: Enabling `experimental_preserve_all_tensors`", UserWarning)
        interpreter = interpreter_class()(model_content=model, experimental_preserve_all_tensors=True, num_threads=2)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    rng = np.random.default_rng(0)
    seen: dict[int, list[NDArray[np.float32]]] = {index: [] for index in tensors}
    for image in images:
        interpreter.set_tensor(given, image[None])
        interpreter.invoke()
        for index, parts in seen.items():
            values = interpreter.get_tensor(index).ravel()
            parts.append(values if values.size <= _PER_IMAGE else rng.choice(values, _PER_IMAGE))
    return {index: np.concatenate(parts) for index, parts in seen.items()}
