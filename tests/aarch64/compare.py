"""Two machines' answers to the same pictures, side by side; ends with 1 if they are not the same answers.

    python compare.py NAME OTHER_NAME        each stands for the NAME.json and NAME.npz that answers.py wrote

Asked for: equal inputs give logits no further apart than the model's golden check allows, and maps of the locator that
are equal but for rounding; every cell of `classify` has the same label and all but the same confidence; `analyze` finds
the same cells, except for those whose score is near the threshold. There the processors may differ: OpenCV's resize has
code of its own for each, which rounds a few pixels in a million to the next level, and an int8 network's scores and
boxes answer to that as they answer to the least noise of a camera.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

LARGEST_CONFIDENCE_DIFFERENCE = 0.05
SAME_PLACE = 0.5


def overlap(box: list[float], other: list[float]) -> float:
    """Intersection over union of two boxes x0 y0 x1 y1."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    common = max(width, 0.0) * max(height, 0.0)
    areas = ((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other))
    return common / (sum(areas) - common)


def only_in(cells: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cells that have none of their kind at their place among the others."""
    return [
        cell
        for cell in cells
        if not any(o["kind"] == cell["kind"] and overlap(cell["box"], o["box"]) >= SAME_PLACE for o in others)
    ]


def compare_models(here: Path, there: Path, tolerance: float) -> list[str]:
    """Faults of the models' outputs on equal inputs."""
    faults = []
    with np.load(here.with_suffix(".npz")) as a, np.load(there.with_suffix(".npz")) as b:
        for name, limit in (("logits", tolerance), ("heat", 0.05), ("boxes", 0.05)):
            apart = np.abs(a[name] - b[name])
            equal, largest = (apart == 0).mean(), apart.max()
            print(f"{name} of {len(apart)} equal inputs: {equal:.2%} equal, largest difference {largest:.4f}")
            if largest > limit:
                faults.append(f"{name} of equal inputs differ")
    return faults


def compare_cells(here: dict[str, Any], there: dict[str, Any]) -> list[str]:
    """Faults of `classify`."""
    apart = [abs(cell["confidence"] - there[name]["confidence"]) for name, cell in here.items()]
    other = sum(cell["label"] != there[name]["label"] for name, cell in here.items())
    print(
        f"classify, {len(here)} pictures of cells: {other} labelled otherwise, {apart.count(0.0)} of the very same "
        f"confidence, largest difference {max(apart):.4f}"
    )
    return ["cells are named otherwise"] if other or max(apart) > LARGEST_CONFIDENCE_DIFFERENCE else []


def compare_fields(here: dict[str, Any], there: dict[str, Any]) -> list[str]:
    """Faults of `analyze`."""
    alone = [
        cell
        for name in here
        for cell in only_in(here[name]["cells"], there[name]["cells"])
        + only_in(there[name]["cells"], here[name]["cells"])
    ]
    total = sum(len(field["cells"]) for field in here.values())
    scores = sorted(cell["score"] for cell in alone)
    print(f"analyze, {len(here)} fields with {total} cells: {len(alone)} found by one only, their scores {scores}")
    return ["fields are counted otherwise"] if alone else []


def main() -> int:
    """Compare, print, and say by the exit code whether they agree."""
    names = [Path(name) for name in sys.argv[1:3]]
    here, there = (json.loads(name.with_suffix(".json").read_text()) for name in names)
    for side in (here, there):
        print(side["machine"], "Python", side["python"], *(f"{n} {v}" for n, v in side["versions"].items()))
    faults = [] if here["sums"] == there["sums"] else ["pictures are decoded otherwise"]
    faults += compare_models(*names, here["tolerance"])
    faults += compare_cells(here["cells"], there["cells"])
    faults += compare_fields(here["fields"], there["fields"])
    print("different: " + "; ".join(faults) if faults else "the same answers")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
