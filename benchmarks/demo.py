"""Counting and classification accuracy of the whole pipeline on drawn slides with known truth.

No model was trained on drawn cells, so this shows how the shipped classifier generalises to a foreign slide, and
whether each cell is counted once while the stage moves. For every slide it prints how many cells of each kind were
shown whole, and how many of them were counted, missed, counted twice or invented, beside the naive sum over frames;
then the labels: truth in rows, answers in columns.

    python benchmarks/demo.py [--slides 3] [--first 1] [--locator learned|opencv] [--json]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.cameras.camera import EndOfFrames, OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.labels import CLASSIFIER_LABELS, KINDS, UNCLASSIFIED
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.values import FieldResult
from hemato_edge.vision.classify.classifier import TFLiteClassifier, load_classifier
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate

if TYPE_CHECKING:
    from hemato_edge.vision.locate.locator import Locator

MATCH_PX = 40.0
"""Maximum distance of a counted cell from its true centre: slightly over half a red cell."""


def count(seed: int, locator: Locator, classifier: TFLiteClassifier) -> dict[str, object]:
    """Walk one slide and compare."""
    analyzer = FieldAnalyzer(QualityGate(), locator, classifier)
    naive: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    cells, sums, last = [], Counter(), 0
    origins: dict[int, np.ndarray] = {}
    seen: dict[str, int] = {}

    def add(result: FieldResult) -> None:
        pose = result.pose
        # the program does not know where a new region lies; this comparison does
        here = np.array(camera.true_pose(result.frame_index)) - (pose.x_px, pose.y_px)
        origin = origins.setdefault(pose.region, here)
        sums.update({"wbc": len(result.new_cells), "rbc": result.new_red_cells, "platelet": result.new_platelets})
        cells.extend((np.array([c.x_px, c.y_px]) + origin, c.judgement.label) for c in result.new_cells)

    with OpenCamera(DemoCamera(seed)) as camera:
        while True:
            try:
                frame = camera.read(1.0)
            except EndOfFrames:
                break
            last = frame.index
            result = analyzer.analyze(frame)
            if not isinstance(result, FieldResult):
                rejected[str(result.reject)] += 1
                continue
            if "locate" in result.latency_ms:
                seen = result.seen
            naive.update(seen)  # exhausted views are not searched: it would be the same again
            add(result)
        rest = analyzer.close()
        if rest is not None:
            add(rest)
        truth = camera.truth_seen(last)
    white = [t for t in truth if t.kind == "wbc"]
    found, twice, made_up, labels = Counter(), 0, 0, Counter()
    for place, label in cells:
        distances = [float(np.hypot(t.x_px - place[0], t.y_px - place[1])) for t in white]
        nearest = int(np.argmin(distances))
        if distances[nearest] > MATCH_PX:
            made_up += 1
            continue
        twice += nearest in found
        found[nearest] += 1
        labels[(white[nearest].label, label)] += 1
    return {
        "slide": seed,
        "frames": last + 1,
        "rejected": dict(rejected),
        "tracking_lost": analyzer.registrar.lost,
        "truth": dict(Counter(t.kind for t in truth)),
        "counted": dict(sums),
        "naive_sum_over_frames": dict(naive),
        "wbc_missed": len(white) - len(found),
        "wbc_twice": twice,
        "wbc_made_up": made_up,
        "labels": {f"{t}>{a}": n for (t, a), n in sorted(labels.items())},
    }


def show(results: list[dict[str, object]]) -> None:
    """Print the tables."""
    for r in results:
        print(f"slide {r['slide']}: {r['frames']} frames, rejected {r['rejected']}, tracking lost {r['tracking_lost']}")
        for kind in KINDS:
            true, counted = r["truth"].get(kind, 0), r["counted"].get(kind, 0)
            print(
                f"  {kind:9} truth {true:5}  counted {counted:5} ({counted / max(true, 1) - 1:+.1%})"
                f"  naive per-frame sum {r['naive_sum_over_frames'].get(kind, 0):6}"
            )
        print(f"  white cells missed {r['wbc_missed']}, twice {r['wbc_twice']}, made up {r['wbc_made_up']}")
    labels: Counter[tuple[str, str]] = Counter()
    for r in results:
        labels.update({tuple(k.split(">")): n for k, n in r["labels"].items()})
    answers = (*CLASSIFIER_LABELS, UNCLASSIFIED)
    print("\n" + " " * 22 + " ".join(f"{a[:6]:>6}" for a in answers))
    right = wrong = 0
    for t in CLASSIFIER_LABELS:
        row = [labels[(t, a)] for a in answers]
        if not sum(row):
            continue
        right += labels[(t, t)]
        wrong += sum(row[:-1]) - labels[(t, t)]
        print(f"{t:22}" + " ".join(f"{n:6}" for n in row))
    total = sum(labels.values())
    print(
        f"named right {right} of {total} ({right / max(total, 1):.1%}), wrong {wrong}, "
        f"unclassified {total - right - wrong}; of those it named {right / max(right + wrong, 1):.1%} are right"
    )


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slides", type=int, default=3)
    parser.add_argument("--first", type=int, default=1, help="seed of the first slide")
    parser.add_argument("--locator", default="auto", choices=("auto", "learned", "opencv"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    classifier = load_classifier()
    locator = load_locator(arguments.locator)
    results = [count(seed, locator, classifier) for seed in range(arguments.first, arguments.first + arguments.slides)]
    if arguments.json:
        print(json.dumps(results, indent=1))
    else:
        show(results)


if __name__ == "__main__":
    main()
