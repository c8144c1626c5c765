"""Operations and versions: what a file names, and what the oldest runtime loads."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from hemato_convert.flatbuffer.operations import HIGHEST_VERSIONS, check_operations, operation_versions
from hemato_edge.errors import ModelError
from hemato_edge.models.bundle import read_bundle, shipped_classifier

ASK = """
import json, sys, tflite_runtime.interpreter as runtime
answers = []
for path in json.load(sys.stdin):
    try:
        runtime.Interpreter(model_content=open(path, "rb").read())
        answers.append(True)
    except (ValueError, RuntimeError):
        answers.append(False)
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def plain() -> bytes:
    class Sum(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32)])
        def __call__(self, x: tf.Tensor) -> tf.Tensor:
            return x + 1.0

    whole = Sum()
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([whole.__call__.get_concrete_function()]).convert())


@pytest.fixture(scope="module")
def old_python() -> str:
    """A Python that has tflite-runtime 2.14: the one HEMATO_EDGE_TFLITE_PYTHON names, or this one."""
    named = os.environ.get("HEMATO_EDGE_TFLITE_PYTHON", "python")
    code = "from importlib.metadata import version; import tflite_runtime.interpreter; print(version('tflite_runtime'))"
    try:
        found = subprocess.run([named, "-c", code], check=False, capture_output=True, text=True)
    except OSError:
        pytest.skip(f"no Python at {named}")
    if not found.stdout.startswith("2.14"):
        pytest.skip("no Python with tflite-runtime 2.14 (name one with HEMATO_EDGE_TFLITE_PYTHON)")
    return named


def with_operation(flatbuffer: bytes, name: str, version: int) -> bytes:
    """The model, naming one more operation; a runtime resolves all that are named, used or not."""
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(flatbuffer))
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = version
    model.operatorCodes.append(code)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def ask(python: str, paths: list[Path]) -> list[bool]:
    names = json.dumps([str(path) for path in paths])
    answer = subprocess.run([python, "-c", ASK], input=names, check=True, capture_output=True, text=True)
    return json.loads(answer.stdout.splitlines()[-1])


def test_operations_are_listed_with_their_versions(plain: bytes) -> None:
    assert operation_versions(plain) == {"ADD": 1}
    assert operation_versions(with_operation(plain, "CONV_2D", 5)) == {"ADD": 1, "CONV_2D": 5}
    assert operation_versions(with_operation(plain, "GELU", 2))["GELU"] == 2  # a number beyond the old field


def test_shipped_model_is_loadable_by_the_oldest_runtime() -> None:
    operations = operation_versions(read_bundle(shipped_classifier()).flatbuffer)
    check_operations(operations)
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"} <= operations.keys()


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ({"FULLY_CONNECTED": 12}, "FULLY_CONNECTED 12"),
        ({"CONV_2D": 8, "ADD": 5}, "no CONV_2D 8"),
        ({"STABLEHLO_ADD": 1}, "STABLEHLO_ADD 1"),
        ({"FlexErf": 1}, "FlexErf 1"),
    ],
)
def test_what_it_cannot_load_is_refused(operations: dict[str, int], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        check_operations(operations)
    assert caught.value.fix


@pytest.mark.slow
def test_table_is_what_the_oldest_runtime_says(plain: bytes, old_python: str, tmp_path: Path) -> None:
    paths, expected = [], []
    for name, highest in HIGHEST_VERSIONS.items():
        for version in (highest, highest + 1):
            path = tmp_path / f"{name}_{version}.tflite"
            path.write_bytes(with_operation(plain, name, version))
            paths.append(path)
            expected.append(version == highest)
    assert ask(old_python, paths) == expected


@pytest.mark.slow
def test_oldest_runtime_loads_the_shipped_model(old_python: str) -> None:
    assert ask(old_python, [Path(str(shipped_classifier()))]) == [True]
