"""LiteRT, the current TFLite runtime: the package `ai-edge-litert`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hemato_edge.models.engines.tflite import tflite_runtime_of

if TYPE_CHECKING:
    from hemato_edge.models.engines.engine import Runtime

NAME, PACKAGE = "litert", "ai-edge-litert"


def interpreter_class() -> Any:
    """LiteRT's interpreter, for inspecting a graph. Raises ImportError if LiteRT is not installed."""
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter


def find() -> Runtime:
    """LiteRT. Raises ImportError if it is not installed."""
    return tflite_runtime_of(NAME, PACKAGE, interpreter_class())
