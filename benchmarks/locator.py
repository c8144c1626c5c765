"""How well the locator finds white cells, red cells and platelets, on fields with drawn boxes.

For each data set: AP50 per class (area under the whole precision-recall curve at an overlap of 0.5, as Pascal VOC
defines it since 2010); precision, recall and F1 at the locator's own threshold; the error of the count per field
(mean absolute, and bias), beside what answering "always one white cell" and "always the median" would score, for
that is hard to beat where nearly every field holds one white cell; and milliseconds per field on one thread, once
with the scale unknown (a first frame) and once with it known (the rest of a session).

AP of red cells in bccd is limited by the labels: some images have none or nearly none. The second figure leaves out
images with at most three red-cell boxes. Thresholds and score coefficients were fitted on the training splits
(`--fit` prints the coefficients anew); read the figures of `val`.

    python benchmarks/locator.py --data ../shared/data --split val [--json] [--fit]
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import KINDS, PLATELET, RBC, WBC
from hemato_edge.vision import outlines, platelets
from hemato_edge.vision.candidates import box_overlap
from hemato_edge.vision.locator import DEFAULT_MIN_SCORE, OpenCvLocator
from hemato_edge.vision.scale import red_cell_diameter_px
from hemato_training.datasets import in_split
from hemato_training.fields import load_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hemato_edge.values import Detections
    from hemato_training.fields import Field

DATA_SETS = ("bccd", "raabin_fields", "pbc_boxes")
_FEW_RED_CELLS = 3


@dataclass(frozen=True, slots=True)
class KindFigures:
    """What is reported for one class of one data set."""

    kind: str
    boxes: int
    ap50: float
    precision: float
    recall: float
    f1: float
    count_mae: float
    count_bias: float
    constant: int
    constant_mae: float


def match(found: Detections, truth: Field, kind: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores of the detections of one kind, best first, and whether each hits a box that no better one has hit."""
    mine = found.of_kind(kind)
    order = np.argsort(-mine.scores, kind="stable")
    targets = truth.boxes.of_kind(kind)
    hit = np.zeros(len(order), np.bool_)
    if len(targets) and len(order):
        overlap = box_overlap(mine.boxes[order], targets)
        free = np.ones(len(targets), np.bool_)
        for i, row in enumerate(overlap):
            best = int(np.argmax(row))
            if row[best] >= 0.5 and free[best]:
                hit[i], free[best] = True, False
    return mine.scores[order], hit


def average_precision(scores: NDArray[np.float32], hits: NDArray[np.bool_], boxes: int) -> float:
    """Area under the precision envelope over all recalls; `boxes` is how many there were to find."""
    if not boxes or not len(scores):
        return 0.0
    hits = hits[np.argsort(-scores, kind="stable")]
    right = np.cumsum(hits)
    precision = right / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(envelope * hits) / boxes)


def kind_figures(results: list[tuple[Detections, Field]], kind: int, threshold: float) -> KindFigures:
    """The figures of one class over fields and what was found in them."""
    matched = [match(found, truth, kind) for found, truth in results]
    scores = np.concatenate([m[0] for m in matched])
    hits = np.concatenate([m[1] for m in matched])
    truth = np.array([np.count_nonzero(f.boxes.kinds == kind) for _, f in results])
    counted = np.array([np.count_nonzero(s >= threshold) for s, _ in matched])
    right, claimed, boxes = int(hits[scores >= threshold].sum()), int(counted.sum()), int(truth.sum())
    precision, recall = right / max(claimed, 1), right / max(boxes, 1)
    constant = 1 if kind == WBC else int(np.median(truth))
    return KindFigures(
        KINDS[kind],
        boxes,
        round(average_precision(scores, hits, boxes), 4),
        round(precision, 4),
        round(recall, 4),
        round(2 * precision * recall / max(precision + recall, 1e-9), 4),
        round(float(np.abs(counted - truth).mean()), 3),
        round(float((counted - truth).mean()), 3),
        constant,
        round(float(np.abs(constant - truth).mean()), 3),
    )


def _timed(call: Callable[[], Detections]) -> float:
    """Milliseconds of processor time, the best of three: what one thread needs on a machine that is not shared."""
    best = np.inf
    for _ in range(3):
        began = time.process_time()
        call()
        best = min(best, time.process_time() - began)
    return best * 1e3


def evaluate(folder: Path, name: str, split: str, timed: int = 20) -> dict[str, object]:
    """All figures of one data set."""
    everything = OpenCvLocator(min_score=0.0)
    results = [(everything.locate(field.image()), field) for field in in_split(load_fields(folder, (name,)), split)]
    figures = [asdict(kind_figures(results, kind, DEFAULT_MIN_SCORE)) for kind in range(len(KINDS))]
    labelled = [r for r in results if np.count_nonzero(r[1].boxes.kinds == RBC) > _FEW_RED_CELLS]
    locator = OpenCvLocator()
    first, later = [], []
    for _, field in results[:timed]:
        image = field.image()
        red = red_cell_diameter_px(locator.locate(image))
        first.append(_timed(lambda image=image: locator.locate(image)))  # type: ignore[misc]
        later.append(_timed(lambda image=image, red=red: locator.locate(image, red_cell_px=red)))  # type: ignore[misc]
    return {
        "data": name,
        "split": split,
        "fields": len(results),
        "kinds": figures,
        "red_ap50_where_labelled": kind_figures(labelled, RBC, DEFAULT_MIN_SCORE).ap50,
        "ms_first": round(float(np.median(first)), 2),
        "ms_later": round(float(np.median(later)), 2),
    }


def fit(folder: Path) -> None:
    """Prints the coefficients of the scores, fitted on the training splits, each data set with the same weight."""
    locator = OpenCvLocator(min_score=0.0)
    tables: dict[int, list[tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]]] = {
        RBC: [],
        PLATELET: [],
    }
    for name in DATA_SETS:
        gathered: dict[int, list[tuple[NDArray[np.float64], NDArray[np.bool_]]]] = {RBC: [], PLATELET: []}
        for field in in_split(load_fields(folder, (name,)), "train"):
            seen = locator.analysis(field.image())
            for kind, candidates, overlap in ((RBC, seen.red, 0.5), (PLATELET, seen.platelets, 0.4)):
                if kind == RBC and np.count_nonzero(field.boxes.kinds == RBC) <= _FEW_RED_CELLS:
                    continue
                if kind == PLATELET and name == "raabin_fields":  # its platelets are mostly not labelled
                    continue
                gathered[kind].append((candidates.features, _hits(candidates.boxes, seen, field, kind) >= overlap))
        for kind, parts in gathered.items():
            if parts:
                features = np.concatenate([p[0] for p in parts])
                labels = np.concatenate([p[1] for p in parts])
                tables[kind].append((features, labels, np.full(len(labels), 1e4 / len(labels))))
    for kind, names in ((RBC, outlines.FEATURES), (PLATELET, platelets.FEATURES)):
        x, y, weight = (np.concatenate([t[i] for t in tables[kind]]) for i in range(3))
        coefficients = logistic_regression(x, y, weight)
        print(f"{KINDS[kind]}: {tuple(float(c) for c in coefficients.round(2))}  # intercept, {', '.join(names)}")


def _hits(boxes: NDArray[np.float32], seen: object, field: Field, kind: int) -> NDArray[np.float32]:
    targets = field.boxes.of_kind(kind)
    if not len(targets):
        return np.zeros(len(boxes), np.float32)
    factor = seen.contrast.factor  # type: ignore[attr-defined]
    height, width = field.image().shape[:2]
    inside = np.clip(boxes / factor, 0, [width, height, width, height]).astype(np.float32)
    return box_overlap(inside, targets).max(axis=1)


def logistic_regression(
    x: NDArray[np.float64], y: NDArray[np.bool_], weight: NDArray[np.float64], ridge: float = 1.0
) -> NDArray[np.float64]:
    """Intercept and coefficients, by Newton's method on standardised features with a ridge penalty."""
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    design = np.column_stack([np.ones(len(x)), (x - mean) / spread])
    beta = np.zeros(design.shape[1])
    penalty = np.diag([0.0] + [ridge] * x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (weight * (p - y)) + penalty @ beta
        curvature = (design * (weight * p * (1 - p))[:, None]).T @ design + penalty
        beta -= np.linalg.solve(curvature, gradient)
    slopes = beta[1:] / spread
    return np.concatenate([[beta[0] - float(slopes @ mean)], slopes])


def show(figures: dict[str, object]) -> None:
    """One data set's figures as a table."""
    print(f"{figures['data']} {figures['split']}: {figures['fields']} fields")
    print(f"  {'':9}{'boxes':>6}{'AP50':>7}{'prec':>7}{'recall':>7}{'F1':>7}{'MAE':>7}{'bias':>7}   constant answer")
    kinds = figures["kinds"]
    assert isinstance(kinds, list)
    for k in kinds:
        print(
            f"  {k['kind']:9}{k['boxes']:6}{k['ap50']:7.3f}{k['precision']:7.3f}{k['recall']:7.3f}{k['f1']:7.3f}"
            f"{k['count_mae']:7.2f}{k['count_bias']:+7.2f}   always {k['constant']}: MAE {k['constant_mae']:.2f}"
        )
    print(f"  rbc AP50 over fields with more than {_FEW_RED_CELLS} boxes: {figures['red_ap50_where_labelled']:.3f}")
    print(f"  {figures['ms_first']} ms a field with unknown scale, {figures['ms_later']} ms with known scale\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--split", default="val", choices=("train", "val"))
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--fit", action="store_true", help="fit the score coefficients on the training splits instead")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    if arguments.fit:
        fit(arguments.data)
        return
    figures = [evaluate(arguments.data, name, arguments.split) for name in DATA_SETS]
    if arguments.json:
        print(json.dumps(figures, indent=2))
    else:
        for one in figures:
            show(one)


if __name__ == "__main__":
    main()
