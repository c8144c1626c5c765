"""The older TFLite runtime, the package `tflite-runtime`: no wheel for Python 3.12, and only for numpy 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.models.engines.tflite import tflite_runtime_of

if TYPE_CHECKING:
    from hemato_edge.models.engines.engine import Runtime

NAME = "tflite-runtime"


def find() -> Runtime:
    """The runtime.

    Raises:
        ImportError: it is not installed.
        ModelError: the installed numpy is too new for it.
    """
    from tflite_runtime.interpreter import Interpreter

    found = tflite_runtime_of(NAME, "tflite-runtime", Interpreter)
    if int(np.__version__.split(".")[0]) >= 2:
        # it imports, but Interpreter() fails with pages of C API warnings
        raise ModelError(
            f"tflite-runtime {found.version} cannot work with numpy {np.__version__}.",
            "Type `pip install 'hemato-edge[tflite]'`, which installs a working set, or `pip install ai-edge-litert`.",
        )
    return found
