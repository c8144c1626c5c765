"""A locator's model, ready to answer: one window in, heat and boxes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.models.card import LocatorCard
from hemato_edge.models.runtime import (
    delegate_partitions,
    dequantised,
    find_runtime,
    native_lines_to_log,
    refuse_difference,
    start_interpreter,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.models.bundle import Bundle
    from hemato_edge.models.runtime import Runtime

HEAT, BOXES = "heat", "boxes"
"""The outputs: logits of the peaks, and where the middle of a cell lies and how large it is; see `vision.heat_map`."""


class HeatModel:
    """A verified bundle of a locator.

    Args:
        bundle: what `read_bundle` returned.
        threads: how many threads one inference may use.
        runtime: from `find_runtime`.

    Raises:
        ModelError: if it is no locator, the runtime cannot load it, or its tensors do not have the shapes and types of
            its card.
    """

    def __init__(self, bundle: Bundle, threads: int = 1, runtime: Runtime | None = None) -> None:
        if not isinstance(bundle.card, LocatorCard):
            raise ModelError(
                f"{bundle.path} is a model to {bundle.card.task} cells, not to locate them.",
                "Name a locator, or leave out locator.path to use the one that ships.",
            )
        self.bundle = bundle
        self.card = bundle.card
        self.runtime = runtime or find_runtime()
        with native_lines_to_log():
            self._interpreter = start_interpreter(bundle, self.runtime, threads)
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = self._find_outputs()

    def maps(self, window: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Heat (h, w, labels) and boxes (h, w, 4 × labels), float32, of a window (height, width, 3) uint8 RGB."""
        raw = self._raw(window)
        return dequantised(raw[HEAT], self._outputs[HEAT]), dequantised(raw[BOXES], self._outputs[BOXES])

    def verify(self) -> float:
        """Run the golden inputs; returns the mean difference of the maps, in steps of their quantisation.

        A map has thousands of places, of which some are at the edge of rounding on every device: the largest difference
        tells little, the mean tells whether a kernel is wrong.

        Raises:
            ModelError: if it exceeds the card's tolerance.
        """
        expected = self.bundle.golden_outputs
        worst = 0.0
        for i, window in enumerate(self.bundle.golden_inputs):
            for name, map_ in self._raw(window).items():
                off = map_.astype(np.float32) - expected[name][i].astype(np.float32)
                worst = max(worst, float(np.abs(off).mean()))
        refuse_difference(self.bundle, self.runtime, worst, "the steps of a map differ on average by")
        return worst

    def delegate_partitions(self) -> int:
        """See `runtime.delegate_partitions`."""
        return delegate_partitions(self._interpreter)

    def _raw(self, window: NDArray[np.uint8]) -> dict[str, NDArray[np.int8]]:
        spec = self.card.input
        if window.shape != (spec.height, spec.width, 3) or window.dtype != np.uint8:
            msg = f"the model takes ({spec.height}, {spec.width}, 3) uint8, not {window.shape} {window.dtype}"
            raise ValueError(msg)
        self._interpreter.set_tensor(self._input["index"], window[None])
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(detail["index"])[0] for name, detail in self._outputs.items()}

    def _find_outputs(self) -> dict[str, Any]:
        """The descriptions of the two outputs, told apart by their number of maps."""
        spec, labels = self.card.input, len(self.card.labels)
        wanted = [1, spec.height, spec.width, 3]
        if [int(v) for v in self._input["shape"]] != wanted or self._input["dtype"] is not np.uint8:
            raise ModelError(
                f"{self.bundle.path} takes {list(self._input['shape'])}, but its card says {wanted} uint8.",
                "Convert it again with `hemato-edge convert`.",
            )
        rows, columns = spec.height // spec.stride, spec.width // spec.stride
        by_shape = {tuple(int(v) for v in d["shape"]): d for d in self._interpreter.get_output_details()}
        try:
            return {HEAT: by_shape[1, rows, columns, labels], BOXES: by_shape[1, rows, columns, 4 * labels]}
        except KeyError:
            raise ModelError(
                f"{self.bundle.path} gives {sorted(by_shape)}, but its card names {labels} labels.",
                "Convert it again with `hemato-edge convert`.",
            ) from None
