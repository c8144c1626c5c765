"""Running a flatbuffer without a card: only the converter does, to measure what belongs on the card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.models.classifier_model import ATTRIBUTES, EMBEDDINGS, LOGITS
from hemato_edge.models.engines.litert import interpreter_class
from hemato_edge.models.engines.tflite import TFLiteEngine
from hemato_edge.models.second_look import Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Trial:
    """Outputs of a classifier's flatbuffer.

    Attributes:
        logits: (n, labels) float32.
        step: size of one quantisation step of a logit.
        embeddings: (n, d) int8, quantised, None without that output.
        embedding_scale: size of one of their steps; 0 without.
        embedding_zero_point: the int8 value of zero.
        attributes: (n, values) float32 logits, None without that output.
    """

    logits: NDArray[np.float32]
    step: float
    embeddings: NDArray[np.int8] | None = None
    embedding_scale: float = 0.0
    embedding_zero_point: int = 0
    attributes: NDArray[np.float32] | None = None

    def stored_embeddings(self) -> NDArray[np.int8]:
        """(n, d) int8: the quantised embeddings.

        Raises:
            ModelError: the model has none.
        """
        if self.embeddings is None:
            raise ModelError("The model gives no embedding.", "Convert it again with `hemato-edge convert`.")
        return self.embeddings

    def real_embeddings(self) -> NDArray[np.float32]:
        """(n, d) float32: the embeddings as real numbers.

        Raises:
            ModelError: the model has none.
        """
        steps = self.stored_embeddings().astype(np.float32) - np.float32(self.embedding_zero_point)
        return steps * np.float32(self.embedding_scale)

    def seen(self) -> Seen:
        """What a device's logits are made from."""
        return Seen(self.logits, None if self.embeddings is None else self.real_embeddings())


def run_flatbuffer(flatbuffer: bytes, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Logits (n, labels) float32 of images (n, S, S, 3) uint8, and the size of one quantisation step of a logit."""
    tried = try_flatbuffer(flatbuffer, images)
    return tried.logits, tried.step


def every_output(flatbuffer: bytes, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """All outputs of a flatbuffer for images (n, H, W, 3) uint8, by name, (n, …) float32: the golden pairs' content."""
    return TFLiteEngine(interpreter_class(), flatbuffer, threads=2).run(images)


def try_flatbuffer(flatbuffer: bytes, images: NDArray[np.uint8]) -> Trial:
    """All outputs of a classifier's flatbuffer for images (n, S, S, 3) uint8, except the maps."""
    engine = TFLiteEngine(interpreter_class(), flatbuffer, threads=2)
    raw = engine.raw(images)
    logits, step = engine.real(LOGITS, raw[LOGITS]), float(engine.steps[LOGITS][0])
    attributes = engine.real(ATTRIBUTES, raw[ATTRIBUTES]) if ATTRIBUTES in raw else None
    if EMBEDDINGS not in raw:
        return Trial(logits, step, attributes=attributes)
    scale, zero_point = engine.steps[EMBEDDINGS]
    return Trial(logits, step, raw[EMBEDDINGS], float(scale), int(zero_point), attributes)


def run_locator(
    flatbuffer: bytes,
) -> Callable[[NDArray[np.uint8]], dict[str, tuple[NDArray[np.int8], NDArray[np.float32]]]]:
    """A function that runs a locator's model on a window (height, width, 3) uint8.

    It returns for each output, by its tensor's name, the int8 map and the map as real numbers.
    """
    engine = TFLiteEngine(interpreter_class(), flatbuffer, threads=2)

    def run(window: NDArray[np.uint8]) -> dict[str, tuple[NDArray[np.int8], NDArray[np.float32]]]:
        raw = engine.raw(np.ascontiguousarray(window[None]))
        return {name: (values[0], engine.real(name, values)[0]) for name, values in raw.items()}

    return run
