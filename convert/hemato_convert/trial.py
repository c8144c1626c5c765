"""Running a flatbuffer that has no card yet: only the converter may, to find out what belongs on the card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.models.runtime import dequantised, find_runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def run_flatbuffer(flatbuffer: bytes, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Logits (n, labels) float32 of images (n, S, S, 3) uint8, and the size of one quantisation step of a logit."""
    interpreter = find_runtime("litert").interpreter(model_content=flatbuffer, num_threads=2)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    output = next(o for o in interpreter.get_output_details() if len(o["shape"]) == 2)
    scale, zero_point = output["quantization"]
    logits = np.empty((len(images), output["shape"][1]), np.float32)
    for i, image in enumerate(images):
        interpreter.set_tensor(given, image[None])
        interpreter.invoke()
        logits[i] = (interpreter.get_tensor(output["index"])[0].astype(np.float32) - zero_point) * scale
    return logits, float(scale)


def run_locator(
    flatbuffer: bytes,
) -> Callable[[NDArray[np.uint8]], dict[str, tuple[NDArray[np.int8], NDArray[np.float32]]]]:
    """A function that runs a locator's model on a window (height, width, 3) uint8.

    It returns for each output, by its tensor's name, the map as it comes and the map as real numbers.
    """
    interpreter = find_runtime("litert").interpreter(model_content=flatbuffer, num_threads=2)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    outputs = interpreter.get_output_details()

    def run(window: NDArray[np.uint8]) -> dict[str, tuple[NDArray[np.int8], NDArray[np.float32]]]:
        interpreter.set_tensor(given, np.ascontiguousarray(window[None]))
        interpreter.invoke()
        raw = {output["name"]: interpreter.get_tensor(output["index"])[0] for output in outputs}
        return {output["name"]: (raw[output["name"]], dequantised(raw[output["name"]], output)) for output in outputs}

    return run
