"""The worst errors as pictures: the cell, what spoke for the answer, and what would have spoken for the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import CLASSIFIER_LABELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_training.evaluation import Tried
    from hemato_training.explanation import Maps

MOST = 12
"""Errors shown of each laboratory."""
_SIDE = 168


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong answer.

    Attributes:
        laboratory: whose cell.
        key: the picture's name within its data set.
        truth: its label.
        answer: what the model said.
        confidence: how sure it was.
        truth_probability: what it gave the truth.
        answered: whether the confidence reaches the threshold; else the device says "unclassified".
        picture: (S, 3 S, 3) uint8 BGR: the cell with its own colours, and under the maps of answer and truth.
    """

    laboratory: str
    key: str
    truth: str
    answer: str
    confidence: float
    truth_probability: float
    answered: bool
    picture: Image


def worst_mistakes(tried: Tried, maps: Maps, most: int = MOST) -> dict[str, list[Mistake]]:
    """Laboratory → its wrong answers, the surest first."""
    probabilities = tried.answers.probabilities(tried.judged.temperature)
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    labels = tried.answers.labels
    found: dict[str, list[Mistake]] = {}
    for name in dict.fromkeys(tried.answers.laboratories.tolist()):
        wrong = np.flatnonzero((tried.answers.laboratories == name) & (answers != labels))
        chosen = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
        if not len(chosen):
            found[name] = []
            continue
        spoke, would = maps(tried.images[chosen], answers[chosen]), maps(tried.images[chosen], labels[chosen])
        found[name] = [
            Mistake(
                name,
                str(tried.cells.keys[i]),
                CLASSIFIER_LABELS[labels[i]],
                CLASSIFIER_LABELS[answers[i]],
                float(confidence[i]),
                float(probabilities[i, labels[i]]),
                bool(confidence[i] >= tried.judged.threshold),
                panels(tried.cells.crops[i], one, other),
            )
            for i, one, other in zip(chosen, spoke, would, strict=True)
        ]
    return found


def panels(crop: Image, *maps: NDArray[np.float32], side: int = _SIDE) -> Image:
    """A crop (s, s, 3) uint8 BGR, and beside it the crop under each map (h, w); (side, side × panels, 3)."""
    large = cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC)
    shown = [large]
    for one in maps:
        share = one / max(float(one.max()), 1e-6)
        smooth = np.clip(cv2.resize(share, (side, side), interpolation=cv2.INTER_CUBIC), 0, 1)
        heat = cv2.applyColorMap((smooth * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
        weight = (0.6 * smooth)[..., None]
        shown.append((large * (1 - weight) + heat * weight).astype(np.uint8))
    return np.hstack(shown)  # type: ignore[return-value]
