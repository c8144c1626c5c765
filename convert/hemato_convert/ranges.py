"""Limits of the activations that leave rare extremes out.

The converter takes the smallest and largest value that it ever saw. Where a few pixels of a few cells reach far beyond
all others, as in EfficientNet's squeeze-and-excite blocks, that leaves most values a handful of the 256 steps.
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
"""Percent. More cuts what carries the answer."""
_PER_IMAGE = 1000


def check_tail(tail: float) -> None:
    """Refuse a share that makes no sense.

    Raises:
        ConfigurationError: if `tail`, in percent, is not 0 to `TAIL_LIMIT`.
    """
    if not 0 <= tail <= TAIL_LIMIT:
        raise ConfigurationError(
            f"A tail of {tail} % of the activations is out of range.", f"Choose --tail from 0 to {TAIL_LIMIT:g}."
        )


def narrow_ranges(calibrated: bytes, images: NDArray[np.float32], tail: float) -> bytes:
    """A calibrated model with the limits of its activations drawn in.

    Args:
        calibrated: float TFLite model in which the converter noted the smallest and largest value of each tensor.
        images: (n, S, S, 3) float32, what the network takes.
        tail: percent of each tensor's values that may lie beyond its limits, on either side.

    Returns:
        The same with other limits; they still enclose zero, and those of input and outputs stay.
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
    """Tensor → values that it takes, at most `_PER_IMAGE` of each image, chosen by chance."""
    with warnings.catch_warnings():
        # it says that keeping all tensors takes memory; they are what is asked for
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
