"""Two machines' answers to the same pictures, side by side; ends with 1 if they are not the same answers.

    python compare.py THIS.json THAT.json

Equal labels of every cell and equal counts of every field are asked for, and logits no further apart than a model's own
golden check allows (see `model verify`). How far the numbers in between lie apart is told: crops are resized and fields
scaled by code that each processor has its own version of, and may differ by a level.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

LARGEST_CONFIDENCE_DIFFERENCE = 0.05


def cells_apart(here: dict[str, Any], there: dict[str, Any]) -> tuple[int, int, float]:
    """Cells with another label or type, cells with the very same confidence, and the largest difference of one."""
    other = same = 0
    largest = 0.0
    for name, cell in here.items():
        apart = abs(cell["confidence"] - there[name]["confidence"])
        other += cell["label"] != there[name]["label"]
        same += apart == 0
        largest = max(largest, apart)
    return other, same, largest


def boxes_apart(here: dict[str, Any], there: dict[str, Any]) -> float:
    """The largest difference of a side of a box between two answers to one field with equal counts, pixels."""
    largest = 0.0
    for cell in here["cells"]:
        box = np.array(cell["box"])
        like = [np.abs(box - other["box"]).max() for other in there["cells"] if other["kind"] == cell["kind"]]
        largest = max(largest, min(like))
    return largest


def main() -> int:
    """Compare, print, and say by the exit code whether they agree."""
    here, there = (json.loads(Path(name).read_text()) for name in sys.argv[1:3])
    for side in (here, there):
        print(side["machine"], "Python", side["python"], *(f"{n} {v}" for n, v in side["versions"].items()))
    faults = []
    if here["sums"] != there["sums"]:
        faults.append("pictures are decoded otherwise")
    apart = np.abs(np.array(here["logits"]) - np.array(there["logits"]))
    print(f"logits of {len(apart)} equal crops: {(apart == 0).mean():.1%} equal, largest difference {apart.max():.4f}")
    if apart.max() > here["tolerance"]:
        faults.append("logits differ")
    other, same, largest = cells_apart(here["cells"], there["cells"])
    print(
        f"classify, {len(here['cells'])} pictures of cells: {other} labelled otherwise, {same} of the very same "
        f"confidence, largest difference {largest:.4f}"
    )
    if other or largest > LARGEST_CONFIDENCE_DIFFERENCE:
        faults.append("cells are named otherwise")
    fields = [(field, there["fields"][name]) for name, field in here["fields"].items()]
    counts = [(a["counts"], b["counts"]) for a, b in fields if a["counts"] != b["counts"]]
    print(f"analyze, {len(fields)} fields: {len(counts)} with other counts", *(f"{a} / {b}" for a, b in counts))
    if counts:
        faults.append("fields are counted otherwise")
    else:
        print(f"their boxes: at most {max(boxes_apart(a, b) for a, b in fields):.1f} px apart")
    print("different: " + "; ".join(faults) if faults else "the same answers")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
