"""Running a flatbuffer that has no card yet: only the converter may, to find out what belongs on the card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.models.classifier_model import LOGITS
from hemato_edge.models.engines.litert import interpreter_class
from hemato_edge.models.engines.tflite import TFLiteEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def run_flatbuffer(flatbuffer: bytes, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Logits (n, labels) float32 of images (n, S, S, 3) uint8, and the size of one quantisation step of a logit."""
    engine = TFLiteEngine(interpreter_class(), flatbuffer, threads=2)
    return engine.run(images)[LOGITS], float(engine.steps[LOGITS][0])


def run_locator(
    flatbuffer: bytes,
) -> Callable[[NDArray[np.uint8]], dict[str, tuple[NDArray[np.int8], NDArray[np.float32]]]]:
    """A function that runs a locator's model on a window (height, width, 3) uint8.

    It returns for each output, by its tensor's name, the map as it comes and the map as real numbers.
    """
    engine = TFLiteEngine(interpreter_class(), flatbuffer, threads=2)

    def run(window: NDArray[np.uint8]) -> dict[str, tuple[NDArray[np.int8], NDArray[np.float32]]]:
        raw = engine.raw(np.ascontiguousarray(window[None]))
        return {name: (values[0], engine.real(name, values)[0]) for name, values in raw.items()}

    return run
