"""How well boxes were found: average precision, precision and recall, and the error of the count."""

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
    from hemato_training.data.annotations import Boxes

HIT = 0.5
"""Least overlap (intersection over union) of a detection with the box it finds."""


@dataclass(frozen=True, slots=True)
class KindFigures:
    """What is reported for one kind of cell of one data set.

    Attributes:
        kind: one of `labels.KINDS`.
        boxes: how many were drawn.
        ap50: area under the whole precision-recall curve at an overlap of 0.5, as Pascal VOC defines it since 2010.
        precision, recall, f1: at the locator's own threshold.
        count_mae, count_bias: error of the count per field: mean absolute, and mean.
        constant: the answer "always so many" that is right most often.
        constant_mae: the mean absolute error of that answer.
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
    """Scores of the detections of one kind, best first, and whether each hits a box that no better one has hit."""
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
    """Area under the precision envelope over all recalls; `boxes` is how many there were to find."""
    if not boxes or not len(scores):
        return 0.0
    hits = hits[np.argsort(-scores, kind="stable")]
    right = np.cumsum(hits)
    precision = right / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(envelope * hits) / boxes)


def ap50(results: Sequence[tuple[Detections, Boxes]], kind: int) -> float:
    """Average precision of one kind over fields: what was found in each, and what was drawn."""
    matched = [match(found, truth, kind) for found, truth in results]
    boxes = sum(int(np.count_nonzero(truth.kinds == kind)) for _, truth in results)
    return average_precision(*_joined(matched), boxes)


def kind_figures(results: Sequence[tuple[Detections, Boxes]], kind: int, threshold: float) -> KindFigures:
    """The figures of one kind over fields: what was found in each, down to the lowest score, and what was drawn."""
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
    """The score above which F1 of one kind is highest; 0.5 where nothing was found."""
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
