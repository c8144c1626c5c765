"""The golden check: does this device compute what the converter computed?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hemato_edge.models.bundle import Bundle
    from hemato_edge.models.engines.engine import Runtime


def tolerance_of(bundle: Bundle, runtime: str) -> float:
    """What the golden check of a bundle allows a runtime."""
    artefact = bundle.artefact_for(runtime)
    return bundle.card.golden.tolerance if artefact is None else artefact.tolerance


def refuse_difference(bundle: Bundle, runtime: Runtime, difference: float, what: str) -> None:
    """The end of a golden check.

    Raises:
        ModelError: if the difference exceeds the card's tolerance: this device does not compute what the converter did.
    """
    tolerance = tolerance_of(bundle, runtime.name)
    if not difference <= tolerance:
        raise ModelError(
            f"The golden check of {bundle.path.name} failed: {what} {difference:.3f}, "
            f"allowed is {tolerance:.3f} ({runtime.name} {runtime.version}).",
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
