"""Detection figures: average precision, precision and recall, and counting error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.labels import KINDS, WBC
from hemato_edge.vision.locate.candidates import box_overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.values import Detections
    from hemato_training.data.formats.annotations import Boxes

HIT = 0.5
"""Minimum intersection over union of a detection with its true box."""


@dataclass(frozen=True, slots=True)
class KindFigures:
    """Figures for one kind of cell in one data set.

    Attributes:
        kind: one of `labels.KINDS`.
        boxes: number of annotated boxes.
        ap50: area under the whole precision-recall curve at an IoU of 0.5, as defined by Pascal VOC since 2010.
        precision, recall, f1: at the locator's own threshold.
        count_mae, count_bias: counting error per field: mean absolute error, and mean error.
        constant: the best constant prediction of the count.
        constant_mae: its mean absolute error.
    """

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


def match(found: Detections, truth: Boxes, kind: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores of the detections of one kind, best first, and whether each hits a box not hit by a better one."""
    mine = found.of_kind(kind)
    order = np.argsort(-mine.scores, kind="stable")
    targets = truth.of_kind(kind)
    hit = np.zeros(len(order), np.bool_)
    if len(targets) and len(order):
        overlap = box_overlap(mine.boxes[order], targets)
        free = np.ones(len(targets), np.bool_)
        for i, row in enumerate(overlap):
            best = int(np.argmax(row))
            if row[best] >= HIT and free[best]:
                hit[i], free[best] = True, False
    return mine.scores[order], hit


def average_precision(scores: NDArray[np.float32], hits: NDArray[np.bool_], boxes: int) -> float:
    """Area under the precision envelope over all recalls of scores (n,); `boxes` is the number of true boxes."""
    if not boxes or not len(scores):
        return 0.0
    hits = hits[np.argsort(-scores, kind="stable")]
    right = np.cumsum(hits)
    precision = right / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(envelope * hits) / boxes)


def ap50(results: Sequence[tuple[Detections, Boxes]], kind: int) -> float:
    """Average precision of one kind over fields, from detections and annotated boxes of each."""
    matched = [match(found, truth, kind) for found, truth in results]
    boxes = sum(int(np.count_nonzero(truth.kinds == kind)) for _, truth in results)
    return average_precision(*_joined(matched), boxes)


def kind_figures(results: Sequence[tuple[Detections, Boxes]], kind: int, threshold: float) -> KindFigures:
    """Figures of one kind over fields, from detections down to the lowest score and annotated boxes of each."""
    matched = [match(found, truth, kind) for found, truth in results]
    scores, hits = _joined(matched)
    truth = np.array([np.count_nonzero(boxes.kinds == kind) for _, boxes in results])
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


def best_threshold(results: Sequence[tuple[Detections, Boxes]], kind: int) -> float:
    """The score threshold with the highest F1 of one kind; 0.5 if nothing was found."""
    scores, hits = _joined([match(found, truth, kind) for found, truth in results])
    boxes = sum(int(np.count_nonzero(truth.kinds == kind)) for _, truth in results)
    if not len(scores) or not boxes:
        return 0.5
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(hits[order])
    f1 = 2 * right / (np.arange(1, len(right) + 1) + boxes)
    return float(scores[order][int(np.argmax(f1))])


def _joined(
    matched: Sequence[tuple[NDArray[np.float32], NDArray[np.bool_]]],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    return np.concatenate([m[0] for m in matched]), np.concatenate([m[1] for m in matched])
