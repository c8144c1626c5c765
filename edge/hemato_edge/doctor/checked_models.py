"""The golden checks, in a process of their own: `python -m … RUNTIME FILE…` prints one JSON object."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.doctor.model_probes import SHIPPED_CLASSIFIER, SHIPPED_LOCATOR
from hemato_edge.errors import ModelError
from hemato_edge.models.bundle import read_bundle, shipped_classifier, shipped_locator
from hemato_edge.models.card import ClassifierCard
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.models.engines.choice import find_runtime
from hemato_edge.models.golden import tolerance_of
from hemato_edge.models.locator_model import LocatorModel

if TYPE_CHECKING:
    from hemato_edge.models.bundle import Bundle


def check_card(path: Path) -> tuple[dict[str, object], Bundle | None]:
    """Card and hashes of one bundle, or what is wrong with it."""
    try:
        bundle = read_bundle(path)
    except ModelError as error:
        return {"error": error.message, "fix": error.fix}, None
    return {"name": bundle.card.name, "sha256": bundle.sha256}, bundle


def check_golden(bundle: Bundle, wanted: str) -> dict[str, object]:
    """Runtime, golden vectors and delegated operations of one bundle, or what is wrong with it."""
    found: dict[str, object] = {}
    try:
        runtime = find_runtime(wanted)
        found |= {"runtime": f"{runtime.name} {runtime.version}"}
        classifies = isinstance(bundle.card, ClassifierCard)
        model = ClassifierModel(bundle, runtime=runtime) if classifies else LocatorModel(bundle, runtime=runtime)
        found |= {"difference": model.verify(), "tolerance": tolerance_of(bundle, runtime, model.engine)}
        known = model.engine.delegation()
        if known is None:
            return found
        return found | {"delegated": known.delegated, "operations": known.operations}
    except ModelError as error:
        return found | {"error": error.message, "fix": error.fix}


def main() -> None:
    """Check the files that the command line names after the runtime ("auto"); prints anew after each step."""
    shipped = {SHIPPED_CLASSIFIER: shipped_classifier(), SHIPPED_LOCATOR: shipped_locator()}
    checked = [check_card(shipped.get(path) or Path(path)) for path in sys.argv[2:]]
    _say(checked)
    for found, bundle in checked:
        if bundle is not None:
            found |= check_golden(bundle, sys.argv[1])
            _say(checked)


def _say(checked: list[tuple[dict[str, object], Bundle | None]]) -> None:
    print(json.dumps({"models": [found for found, _ in checked]}), flush=True)  # the parent reads it


if __name__ == "__main__":
    main()
