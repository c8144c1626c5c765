"""Adds a network compiled for another runtime to a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from hemato_edge.errors import ModelError
from hemato_edge.models.bundle import PROTOTYPES, read_bundle, write_bundle
from hemato_edge.models.card import Artefact
from hemato_edge.models.engines.choice import find_runtime, start_engine

if TYPE_CHECKING:
    from pathlib import Path


def attach(bundle_file: Path, compiled_file: Path, runtime: str, tolerance: float | None = None) -> Artefact:
    """Put a compiled network for one runtime into a bundle, replacing an earlier one for it.

    The golden pairs stay: the device that runs the part is checked against them before it counts anything.

    Args:
        bundle_file: the bundle; rewritten.
        compiled_file: output of the runtime's compiler for the bundle's flatbuffer.
        runtime: its `model.runtime` in the settings.
        tolerance: largest allowed difference from the golden outputs; None for the flatbuffer's.

    Raises:
        ModelError: the bundle or the file cannot be read, or the names are not valid in a card.
    """
    bundle = read_bundle(bundle_file)
    try:
        content = compiled_file.read_bytes()
    except OSError as error:
        raise ModelError(f"{compiled_file} cannot be read ({error.strerror}).", "Check the path.") from error
    golden = bundle.card.golden
    if any(values.dtype.kind == "i" for values in bundle.golden_outputs.values()) and not golden.steps:
        steps = dict(start_engine(bundle, find_runtime(), threads=1).steps)
        golden = golden.model_copy(update={"steps": {name: steps[name] for name in bundle.golden_outputs}})
    try:
        artefact = Artefact(
            part=f"{runtime}-{compiled_file.name}", runtime=runtime, tolerance=tolerance or golden.tolerance
        )
    except ValidationError as error:
        raise ModelError(
            f"{compiled_file.name} for {runtime} does not fit into the card: {error.errors()[0]['msg']}.",
            "Name the file with letters, digits, dots and dashes.",
        ) from error
    others = [one for one in bundle.card.artefacts if one.runtime != runtime]
    card = bundle.card.model_copy(update={"artefacts": (*others, artefact), "golden": golden})
    compiled = {one.part: bundle.part(one.part) for one in others} | {artefact.part: content}
    home = None if bundle.prototypes is None else bundle.part(PROTOTYPES)
    write_bundle(bundle_file, bundle.flatbuffer, card, bundle.golden_inputs, bundle.golden_outputs, compiled, home)
    return artefact
