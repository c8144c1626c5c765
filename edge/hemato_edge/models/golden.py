"""The golden check: does this device compute what the converter computed?"""

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
"""What the converter's own runtime may differ by: whole numbers are computed alike on every processor (x86-64 and
emulated aarch64 were seen to agree in every bit)."""


def tolerance_of(bundle: Bundle, runtime: Runtime, engine: Engine) -> float:
    """What the golden check of a bundle allows a runtime: nothing where it is the one that the pairs were made with.

    That is LiteRT in the version that the card names, with XNNPACK at work. Others round differently, and get the
    card's tolerance.
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
    """The end of a golden check.

    Raises:
        ModelError: if the difference exceeds the tolerance: this device does not compute what the converter did.
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
    """What the golden pairs say, by output: real numbers (n, …) float32, and the size of one quantisation step.

    Args:
        bundle: whose golden outputs may be whole numbers, as a graph gives them.
        steps: scale and zero point of those, by name, where the card does not say them.

    Raises:
        ModelError: they are whole numbers of which nobody knows what they stand for.
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
