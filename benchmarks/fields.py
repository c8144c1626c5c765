"""The whole program on real fields of view, with the locator and the shipped classifier.

BCCD's validation fields have one white cell of known type each. Prints in how many fields one, no or more white cells
were found, for how many the largest one's most probable type is right, and how many of the answered ones (not
"unclassified") are right. The fields are analysed as one session, as by `hemato-edge analyze`.

    python benchmarks/fields.py --data ../shared/data [--locator learned|opencv]
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from pathlib import Path

import cv2

from hemato_edge.labels import UNCLASSIFIED
from hemato_edge.pipeline.images import analyze_pictures
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate


def main() -> None:
    """Parse, analyse and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds bccd/")
    parser.add_argument("--locator", default="auto", choices=("auto", "learned", "opencv"))
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with (arguments.data / "bccd" / "index.csv").open() as index:
        truth = {r["image"]: r["subtypes"].lower() for r in csv.DictReader(index) if r["split"] == "val"}
    paths = [arguments.data / "bccd" / "images" / name for name in truth]
    found: Counter[int] = Counter()
    right = answered = answered_right = 0
    locator = load_locator(arguments.locator)
    for field in analyze_pictures(paths, QualityGate(), locator, load_classifier(), failed=print):
        found[len(field.judged)] += 1
        if not field.judged:
            continue
        answer = field.judged[max(field.judged, key=lambda i, sizes=field.detections.sizes: sizes[i])]
        right += answer.best == truth[field.path.name]
        if answer.label != UNCLASSIFIED:
            answered += 1
            answered_right += answer.label == truth[field.path.name]
    total = sum(found.values())
    print(f"{total} fields; white cells found in a field: {dict(sorted(found.items()))}")
    print(f"most probable type right in {right} of {total} ({right / total:.1%})")
    print(f"answered {answered}, of these right {answered_right} ({answered_right / max(answered, 1):.1%})")


if __name__ == "__main__":
    main()
