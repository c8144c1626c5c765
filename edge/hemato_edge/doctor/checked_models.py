"""The golden checks, in a process of their own: `python -m … RUNTIME FILE…` prints one JSON object."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hemato_edge.doctor.model_probes import SHIPPED_CLASSIFIER, SHIPPED_LOCATOR
from hemato_edge.errors import ModelError
from hemato_edge.models.bundle import read_bundle, shipped_classifier, shipped_locator
from hemato_edge.models.card import ClassifierCard
from hemato_edge.models.delegation import delegated_operations
from hemato_edge.models.heat import HeatModel
from hemato_edge.models.runtime import Model, find_runtime, native_lines_to_log


def check_model(path: Path, wanted: str) -> dict[str, object]:
    """Hash, card, golden vectors and delegated share of one bundle, or what is wrong with it."""
    found: dict[str, object] = {"path": str(path)}
    try:
        bundle = read_bundle(path)
        found |= {"name": bundle.card.name, "sha256": bundle.sha256}
        runtime = find_runtime(wanted)
        found |= {"runtime": f"{runtime.name} {runtime.version}"}
        classifies = isinstance(bundle.card, ClassifierCard)
        with native_lines_to_log():
            model = Model(bundle, runtime=runtime) if classifies else HeatModel(bundle, runtime=runtime)
            found |= {"difference": model.verify(), "tolerance": bundle.card.golden.tolerance}
        interpreter = model._interpreter(1) if isinstance(model, Model) else model._interpreter
        taken, operations = delegated_operations(interpreter)
        found |= {"delegated": taken, "operations": operations}
    except ModelError as error:
        found |= {"error": error.message, "fix": error.fix}
    return found


def main() -> None:
    """Check the files that the command line names after the runtime ("auto")."""
    shipped = {SHIPPED_CLASSIFIER: shipped_classifier(), SHIPPED_LOCATOR: shipped_locator()}
    results = [check_model(shipped.get(path) or Path(path), sys.argv[1]) for path in sys.argv[2:]]
    print(json.dumps({"models": results}))


if __name__ == "__main__":
    main()
