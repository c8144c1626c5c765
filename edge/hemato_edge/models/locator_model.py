"""A locator's model, ready to run: one window in, heat maps and boxes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.models.card import LocatorCard
from hemato_edge.models.engines.choice import find_runtime, start_engine
from hemato_edge.models.golden import expected_outputs, refuse_difference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.models.bundle import Bundle
    from hemato_edge.models.engines.engine import Runtime

HEAT, BOXES = "heat", "boxes"
"""Outputs: logits of the peaks, and each cell's centre offset and size; see `vision.locate.peaks`."""


class LocatorModel:
    """A verified bundle of a locator.

    Args:
        bundle: from `read_bundle`.
        threads: per inference.
        runtime: from `find_runtime`.

    Raises:
        ModelError: it is no locator, the runtime cannot load it, or its outputs do not have the shapes in its card.
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
        self.engine = start_engine(bundle, self.runtime, threads)
        self._check_shapes()

    def maps(self, window: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Heat (h, w, labels) and boxes (h, w, 4 × labels), float32, of a window (height, width, 3) uint8 RGB."""
        heat, boxes = self.raw_maps(window)
        return self.engine.real(HEAT, heat), self.engine.real(BOXES, boxes)

    def raw_maps(self, window: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        """As `maps`, in the network's own numbers, see `Engine.raw`."""
        if window.shape != self.engine.input_shape or window.dtype != np.uint8:
            msg = f"the model takes {self.engine.input_shape} uint8, not {window.shape} {window.dtype}"
            raise ValueError(msg)
        answers = self.engine.raw(window[None])
        return answers[HEAT][0], answers[BOXES][0]

    def resize(self, height: int, width: int) -> bool:
        """See `Engine.resize`."""
        return self.engine.resize(height, width)

    def verify(self) -> float:
        """Run the golden inputs; returns the mean difference of the maps, in steps of their quantisation.

        A map has thousands of values, and a few are at a rounding edge on every device: the largest difference says
        little, the mean shows whether a kernel is wrong.

        Raises:
            ModelError: it exceeds the card's tolerance.
        """
        self.resize(self.card.input.height, self.card.input.width)
        expected = expected_outputs(self.bundle, self.engine.steps)
        worst = 0.0
        for i, window in enumerate(self.bundle.golden_inputs):
            for name, map_ in zip((HEAT, BOXES), self.maps(window), strict=True):
                values, step = expected[name]
                worst = max(worst, float(np.abs(map_ - values[i]).mean()) / step)
        refuse_difference(self.bundle, self.runtime, self.engine, worst, "the steps of a map differ on average by")
        return worst

    def _check_shapes(self) -> None:
        spec, labels, engine = self.card.input, len(self.card.labels), self.engine
        wanted = (spec.height, spec.width, 3)
        if engine.input_shape != wanted:
            raise ModelError(
                f"{self.bundle.path} takes {[1, *engine.input_shape]} uint8, but its card says {[1, *wanted]}.",
                "Convert it again with `hemato-edge convert`.",
            )
        rows, columns = spec.height // spec.stride, spec.width // spec.stride
        if {name: engine.outputs.get(name) for name in (HEAT, BOXES)} != {
            HEAT: (rows, columns, labels),
            BOXES: (rows, columns, 4 * labels),
        }:
            raise ModelError(
                f"{self.bundle.path} gives {dict(engine.outputs)}, but its card names {labels} labels.",
                "Convert it again with `hemato-edge convert`.",
            )
