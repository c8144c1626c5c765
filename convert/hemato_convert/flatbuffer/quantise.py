"""Full-integer quantisation by the TFLite converter, and the checks of its result."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.lite.tools import flatbuffer_utils

from hemato_convert.flatbuffer.graph import CAM_OUTPUT, INPUT, LOGITS_OUTPUT, output_names
from hemato_convert.flatbuffer.operations import check_operations, operation_versions
from hemato_convert.flatbuffer.ranges import check_tail, narrow_ranges
from hemato_edge.errors import ModelError
from hemato_edge.models.engines.tflite import native_lines_to_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

INPUT_SCALE, INPUT_ZERO_POINT = 2 / 255, 127
"""A byte b stands for (b - 127) · 2/255, so the camera's bytes are passed unchanged. Training's b/127.5 - 1 is half a
step lower; no integer zero point matches it exactly."""
_INTEGERS = {schema.TensorType.INT8, schema.TensorType.INT16, schema.TensorType.INT32, schema.TensorType.UINT8}
_log = logging.getLogger(__name__)


def to_unit(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bytes (…) as input of the float network, float32 in -1…1."""
    return (images.astype(np.float32) / 127.5 - 1.0).astype(np.float32)


def quantise(network: Any, representative: NDArray[np.uint8], tail: float = 0.0) -> bytes:
    """The full-int8 flatbuffer of an export graph.

    Args:
        network: from `graph.export_graph`.
        representative: (n, S, S, 3) uint8 RGB crops for measuring activation ranges. One picture of exactly 0 and 255
            is added, which fixes the input's range.
        tail: percent of an activation's values that may lie beyond its limits, on either side; 0 uses the measured
            minimum and maximum. See `ranges`.

    Returns:
        The TFLite model: uint8 in, int8 out (tensors "logits", "cam" and any others of the graph).

    Raises:
        ModelError: the converter fails, or its output fails `check_flatbuffer` or `check_operations`.
        ConfigurationError: `tail` is out of range.
    """
    names = output_names(network)
    named = name_tensors(full_integer(network, representative, tail), lambda shape: names[tuple(shape[1:])])
    check_flatbuffer(named, tuple(names.values()))
    return named


def full_integer(network: Any, representative: NDArray[np.uint8], tail: float = 0.0) -> bytes:
    """The full-int8 flatbuffer of any network with -1…1 input, its tensors named by the converter.

    Args:
        network: a `keras.Model` with one input.
        representative: (n, H, W, 3) uint8 RGB pictures for measuring activation ranges. One picture of exactly 0 and
            255 is added, which fixes the input's range.
        tail: as in `quantise`.

    Raises:
        ModelError: the converter fails, or the oldest runtime cannot load its output.
        ConfigurationError: `tail` is out of range.
    """
    check_tail(tail)
    extremes = np.zeros((1, *network.input_shape[1:]), np.uint8)
    extremes[:, ::2] = 255

    def samples() -> Iterator[list[NDArray[np.float32]]]:
        for image in np.concatenate([extremes, representative]):
            yield [to_unit(image[None])]

    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.int8
    # per-channel dense layers cannot be loaded by tflite-runtime 2.14
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    converter._experimental_calibrate_only = tail > 0
    try:
        flatbuffer = _converted(converter)
        if tail > 0:
            flatbuffer = _quantised(narrow_ranges(flatbuffer, to_unit(representative), tail))
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise ModelError(f"The TFLite converter failed: {first}", "Try --arch mobilenet_v2.") from error
    check_operations(operation_versions(flatbuffer))
    return flatbuffer


def _quantised(calibrated: bytes) -> bytes:
    """The converter's last step alone: int8 by the limits stored in a float model."""
    return bytes(
        mlir_quantize(
            calibrated,
            input_data_type=tf.uint8,
            output_data_type=tf.int8,
            disable_per_channel_for_dense_layers=True,
        )
    )


def _converted(converter: Any) -> bytes:
    """Run the converter without its output: it prints every variable to stdout, which may carry JSON."""
    chatter = io.StringIO()
    with contextlib.redirect_stdout(chatter), warnings.catch_warnings(), native_lines_to_log(logging.DEBUG):
        warnings.filterwarnings("ignore", "Statistics for quantized inputs", UserWarning)
        flatbuffer = bytes(converter.convert())
    _log.debug("%s", chatter.getvalue())
    return flatbuffer


def name_tensors(flatbuffer: bytes, name_of: Callable[[Sequence[int]], str]) -> bytes:
    """The model with its input named "image" and its outputs named by `name_of` their shapes, also in its signature."""
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(flatbuffer))
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].name = INPUT.encode()
    names = {index: name_of([int(side) for side in graph.tensors[index].shape]) for index in graph.outputs}
    for index, name in names.items():
        graph.tensors[index].name = name.encode()
    for signature in model.signatureDefs or ():
        for entry in signature.inputs:
            entry.name = INPUT.encode()
        for entry in signature.outputs:
            entry.name = names[entry.tensorIndex].encode()
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def check_flatbuffer(flatbuffer: bytes, outputs: Sequence[str] = (LOGITS_OUTPUT, CAM_OUTPUT)) -> None:
    """Refuse a model that is not integer throughout or whose input is not raw bytes.

    Raises:
        ModelError: names the first offending tensor.
    """
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(flatbuffer))
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.type not in _INTEGERS:
                raise ModelError(
                    f"The tensor {tensor.name.decode()!r} is not an integer one, so the model is not full int8.",
                    "Use an architecture whose operations all have an int8 form.",
                )
    graph = model.subgraphs[0]
    given = graph.tensors[graph.inputs[0]]
    scale, zero_point = float(given.quantization.scale[0]), int(given.quantization.zeroPoint[0])
    if given.type != schema.TensorType.UINT8 or zero_point != INPUT_ZERO_POINT or abs(scale - INPUT_SCALE) > 1e-6:
        raise ModelError(
            f"The input has scale {scale:.6f} and zero point {zero_point}, "
            f"not {INPUT_SCALE:.6f} and {INPUT_ZERO_POINT}: bytes could not be passed unchanged.",
            "Convert again with representative images of the full range.",
        )
    names = [graph.tensors[index].name.decode() for index in graph.outputs]
    if sorted(names) != sorted(outputs):
        raise ModelError(f"The outputs are {names}, not {' and '.join(outputs)}.", "Convert it again.")
    _log.debug("%d tensors, all integer", len(graph.tensors))
