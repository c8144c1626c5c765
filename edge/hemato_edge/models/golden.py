"""The golden check: does this device reproduce the converter's outputs?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.models.engines.litert import NAME as LITERT
from hemato_edge.models.engines.litert import PACKAGE as LITERT_PACKAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hemato_edge.models.bundle import Bundle
    from hemato_edge.models.engines.engine import Engine, Runtime


EXACT = 0.0
"""Tolerance for the converter's own runtime: integer arithmetic gives the same result on every processor (x86-64 and
emulated aarch64 agreed in every bit)."""


def tolerance_of(bundle: Bundle, runtime: Runtime, engine: Engine) -> float:
    """Tolerance of the golden check: zero for the runtime that computed the pairs.

    That is LiteRT in the card's version, with XNNPACK active. Others round differently, and get the card's tolerance.
    """
    artefact = bundle.artefact_for(runtime.name)
    if artefact is not None:
        return artefact.tolerance
    known = engine.delegation()
    as_converted = runtime.name == LITERT and bundle.card.versions.get(LITERT_PACKAGE) == runtime.version
    if as_converted and known is not None and known.partitions > 0:
        return EXACT
    return bundle.card.golden.tolerance


def refuse_difference(bundle: Bundle, runtime: Runtime, engine: Engine, difference: float, what: str) -> None:
    """Raise if a golden check failed.

    Raises:
        ModelError: the difference exceeds the tolerance: this device does not reproduce the converter's outputs.
    """
    tolerance = tolerance_of(bundle, runtime, engine)
    if not difference <= tolerance:
        raise ModelError(
            f"The golden check of {bundle.path.name} failed: {what} {difference:.3g}, "
            f"allowed is {tolerance:.3g} ({runtime.name} {runtime.version}).",
            "Reinstall the runtime (`pip install --force-reinstall ai-edge-litert`) and get the model again.",
        )


def expected_outputs(
    bundle: Bundle, steps: Mapping[str, tuple[float, int]]
) -> dict[str, tuple[NDArray[np.float32], float]]:
    """The golden outputs by name: real numbers (n, …) float32, and the size of one quantisation step.

    Args:
        bundle: its golden outputs may be integers, as stored in the graph.
        steps: their scale and zero point by name, used where the card has none.

    Raises:
        ModelError: they are integers of unknown scale.
    """
    known = {**steps, **bundle.card.golden.steps}
    found: dict[str, tuple[NDArray[np.float32], float]] = {}
    for name, values in bundle.golden_outputs.items():
        if values.dtype.kind == "f":
            found[name] = values.astype(np.float32), 1.0
            continue
        if name not in known:
            raise ModelError(
                f"The golden outputs '{name}' of {bundle.path} are whole numbers without a scale.",
                "Convert it again with `hemato-edge convert`.",
            )
        scale, zero_point = known[name]
        found[name] = (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale), scale
    return found
