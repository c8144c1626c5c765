"""The accuracy table of docs/results/accuracy.md: the shipped classifier, or another bundle, on held-out cells.

    python benchmarks/accuracy.py --data DIR [--model FILE] [--laboratory moticam …]

Scale and stain of each laboratory are measured again, as on a device; float figures are those in the card.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_training.evaluate.evaluation import Evaluation, evaluate
from hemato_training.progress import Screen


def table(evaluation: Evaluation, floats: dict[str, float]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| held-out cells | number | float % | int8 % | int8 balanced % | macro F1 % | answered % | wrong of these % |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, f in evaluation.laboratories.items():
        float_share = f"{100 * floats[name]:.1f}" if name in floats else "–"
        shares = (f.accuracy, f.balanced_accuracy, f.macro.f1, f.accepted, f.accepted_error)
        lines.append(f"| {name} | {f.cells} | {float_share} | " + " | ".join(f"{100 * s:.1f}" for s in shares) + " |")
    return "\n".join(lines)


def main() -> None:
    """Evaluate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=shipped_classifier())
    parser.add_argument("--laboratory", action="append", help="pbc and bccd unless named; may be repeated")
    parser.add_argument("--cache", type=Path, default=Path("runs/cells"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    laboratories = arguments.laboratory or ["pbc", "bccd"]
    evaluation = evaluate(
        arguments.model, arguments.data, arguments.cache, laboratories=laboratories, reporter=Screen()
    )
    floats = {entry.data: entry.float_accuracy for entry in read_bundle(arguments.model).card.accuracy}
    text = json.dumps(evaluation.as_json(), indent=1) if arguments.json else table(evaluation, floats)
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
