"""Operations that a flatbuffer needs, and whether the oldest supported runtime has them.

An operation gets a new version when it is extended; a runtime refuses a file with an operation or version unknown to
it. tflite-runtime 2.14 is the last of its kind, and what a device with Python 3.11 has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from hemato_edge.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

OLDEST_RUNTIME = "tflite-runtime 2.14"
# fmt: off
HIGHEST_VERSIONS: dict[str, int] = {
    "ABS": 5, "ADD": 5, "ADD_N": 1, "ARG_MAX": 3, "ARG_MIN": 3, "AVERAGE_POOL_2D": 3, "BATCH_MATMUL": 4,
    "BROADCAST_TO": 3, "CAST": 5, "CONCATENATION": 4, "CONV_2D": 7, "DEPTHWISE_CONV_2D": 7, "DEPTH_TO_SPACE": 2,
    "DEQUANTIZE": 5, "DIV": 2, "EXPAND_DIMS": 1, "FILL": 4, "FULLY_CONNECTED": 10, "GATHER": 6, "GATHER_ND": 4,
    "HARD_SWISH": 1, "LEAKY_RELU": 2, "LOGISTIC": 3, "LOG_SOFTMAX": 2, "MAXIMUM": 4, "MAX_POOL_2D": 3, "MEAN": 3,
    "MINIMUM": 4, "MIRROR_PAD": 3, "MUL": 7, "NEG": 1, "PACK": 4, "PAD": 4, "PADV2": 4, "PRELU": 1, "QUANTIZE": 3,
    "REDUCE_MAX": 3, "REDUCE_MIN": 3, "RELU": 3, "RELU6": 3, "RELU_0_TO_1": 1, "RELU_N1_TO_1": 1, "RESHAPE": 1,
    "RESIZE_BILINEAR": 4, "RESIZE_NEAREST_NEIGHBOR": 4, "REVERSE_V2": 3, "RSQRT": 2, "SHAPE": 1, "SLICE": 6,
    "SOFTMAX": 3, "SPACE_TO_DEPTH": 2, "SPLIT": 4, "SPLIT_V": 2, "SQRT": 1, "SQUARED_DIFFERENCE": 2, "SQUEEZE": 2,
    "STRIDED_SLICE": 8, "SUB": 5, "SUM": 2, "TANH": 3, "TILE": 3, "TOPK_V2": 3, "TRANSPOSE": 6, "TRANSPOSE_CONV": 4,
    "UNPACK": 4,
}
# fmt: on
"""Operation → highest version that `OLDEST_RUNTIME` loads, as tested: one file per operation and version, opened with
tflite-runtime 2.14.0 (`tests/convert/flatbuffer/test_operations.py` repeats it). The same numbers are in TensorFlow
2.14, tensorflow/lite/core/kernels/register.cc. Only operations that an int8 image network can need."""
_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


def operation_versions(flatbuffer: bytes) -> dict[str, int]:
    """Operation → its highest version in a TFLite model; custom operations by their own names."""
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(flatbuffer))
    found: dict[str, int] = {}
    for code in model.operatorCodes:
        # before TensorFlow 2.4 the number was in the other field
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        name = code.customCode.decode() if code.customCode else _NAMES.get(number, f"operation {number}")
        found[name] = max(found.get(name, 0), int(code.version))
    return dict(sorted(found.items()))


def check_operations(operations: Mapping[str, int]) -> None:
    """Refuse operations that `OLDEST_RUNTIME` cannot load.

    Args:
        operations: from `operation_versions`.

    Raises:
        ModelError: names them.
    """
    wrong = [f"{name} {version}" for name, version in operations.items() if version > HIGHEST_VERSIONS.get(name, 0)]
    if wrong:
        raise ModelError(
            f"{OLDEST_RUNTIME} cannot load this model: it has no {', '.join(wrong)}.",
            "Use another architecture, or the TensorFlow version in pyproject.toml.",
        )
