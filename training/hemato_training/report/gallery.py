"""The worst errors as pictures: the cell, and the activation maps of the answer and of the true class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import CLASSIFIER_LABELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_training.evaluate.evaluation import Tried
    from hemato_training.explain.methods import Maps

MOST = 12
"""Maximum errors shown per laboratory."""
_SIDE = 168


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong answer.

    Attributes:
        laboratory: source of the cell.
        key: the picture's name within its data set.
        truth: its true class.
        answer: the model's answer.
        confidence: of the answer.
        truth_probability: probability of the true class.
        answered: whether the confidence reaches the threshold; else the device gives "unclassified".
        picture: (S, 3 S, 3) uint8 BGR: the cell, and the cell under the maps of answer and truth.
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
    """Laboratory → its wrong answers, most confident first, one per group: copies of one picture show one error."""
    probabilities = tried.answers.probabilities(tried.judged.temperature)
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    labels = tried.answers.labels
    found: dict[str, list[Mistake]] = {}
    for name in dict.fromkeys(tried.answers.laboratories.tolist()):
        wrong = np.flatnonzero((tried.answers.laboratories == name) & (answers != labels))
        surest = wrong[np.argsort(-confidence[wrong], kind="stable")]
        _, first = np.unique(tried.answers.groups[surest], return_index=True)
        chosen = surest[np.sort(first)][:most]
        if not len(chosen):
            found[name] = []
            continue
        spoke, would = (np.maximum(maps(tried.images[chosen], own[chosen]), 0) for own in (answers, labels))
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
    """A crop (s, s, 3) uint8 BGR, and beside it the crop under each map (h, w); (side, side × panels, 3) uint8."""
    large: Image = cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC)  # type: ignore[assignment]
    return np.hstack([large, *(in_the_light_of(large, one) for one in maps)])


def in_the_light_of(picture: Image, activation: NDArray[np.float32]) -> Image:
    """A picture with unchanged colours where the map (h, w) is high, dark where it is low, a contour at half its peak.

    Colours are diagnostic, so they are not painted over as in `views.images.annotated`.
    """
    peak = float(activation.max())
    share = activation / peak if peak > 0 else np.zeros_like(activation)
    smooth = np.clip(cv2.resize(share, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC), 0, 1)
    lit = (picture * (0.2 + 0.8 * smooth[..., None])).astype(np.uint8)
    outlines = cv2.findContours((smooth > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    return cv2.drawContours(lit, outlines, -1, (0, 230, 255), 1, cv2.LINE_AA)  # type: ignore[return-value]
