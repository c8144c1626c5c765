"""Pictures for people: a field with its boxes, a cell with what spoke for its label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.labels import PLATELET, RBC, UNCLASSIFIED, WBC

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.values import Detections, Image, Judgement

_COLOURS = {WBC: (160, 30, 120), RBC: (60, 60, 220), PLATELET: (200, 130, 0)}
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def annotate_field(image: Image, detections: Detections, judged: Mapping[int, Judgement]) -> Image:
    """A field (H, W, 3) uint8 BGR with a box round every cell and the label and confidence of those judged.

    Args:
        image: the field.
        detections: what was found in it.
        judged: index into `detections` → the classifier's answer.
    """
    picture = image.copy()
    thick = max(1, round(max(image.shape[:2]) / 480))
    for i in sorted(range(len(detections)), key=lambda i: i in judged):
        x0, y0, x1, y1 = (round(float(v)) for v in detections.boxes[i])
        kind = int(detections.kinds[i])
        width = 2 * thick if kind == WBC else thick
        cv2.rectangle(picture, (x0, y0), (x1, y1), _COLOURS[kind], width, cv2.LINE_AA)
        if i in judged:
            _tag(picture, _caption(judged[i]), (x0, y0), _COLOURS[kind], 0.42 * thick)
    _tag(picture, RESEARCH_USE_NOTICE, (0, picture.shape[0]), (70, 70, 70), 0.36 * thick)
    return picture


def explain_cell(crop: Image, activation: NDArray[np.float32], judgement: Judgement) -> Image:
    """A crop beside itself under its activation map, (S, 2 S, 3) uint8 BGR, enlarged to S of at least 336.

    Args:
        crop: (s, s, 3) uint8 BGR, what the classifier saw.
        activation: (h, w) float32, the class activation map of the label; only what speaks for it is shown.
        judgement: the classifier's answer.
    """
    side = max(336, crop.shape[0])
    large = cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC)
    positive = np.maximum(activation, 0)
    share = positive / max(float(positive.max()), 1e-6)
    smooth = np.clip(cv2.resize(share, (side, side), interpolation=cv2.INTER_CUBIC), 0, 1)
    heat = cv2.applyColorMap((smooth * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    weight = (0.6 * smooth)[..., None]
    mixed = (large * (1 - weight) + heat * weight).astype(np.uint8)
    pair = np.hstack([large, mixed])
    _tag(pair, _caption(judgement), (0, 0), (40, 40, 40), 0.5)
    _tag(pair, RESEARCH_USE_NOTICE, (0, side), (70, 70, 70), 0.36)
    return pair


def write_picture(path: Path, picture: Image) -> None:
    """Write a picture; the suffix tells the format.

    Raises:
        ImageError: if the folder cannot be written to.
    """
    from hemato_edge.errors import ImageError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        good, content = cv2.imencode(path.suffix, picture)
        if good:
            path.write_bytes(content.tobytes())
            return
    except OSError as error:
        raise ImageError(f"{path} cannot be written ({error.strerror}).", "Name a folder you may write to.") from error
    raise ImageError(f"{path} cannot be written as {path.suffix}.", "Use .png or .jpg.")


def _caption(judgement: Judgement) -> str:
    if judgement.label == UNCLASSIFIED:
        return f"unclassified ({judgement.best.replace('_', ' ')}? {judgement.confidence:.0%})"
    return f"{judgement.label.replace('_', ' ')} {judgement.confidence:.0%}"


def _tag(picture: Image, text: str, corner: tuple[int, int], colour: tuple[int, int, int], size: float) -> None:
    """Write white text on a coloured bar whose lower left corner is at `corner`, kept inside of the picture."""
    (width, height), base = cv2.getTextSize(text, _FONT, size, 1)
    x = int(np.clip(corner[0], 0, max(0, picture.shape[1] - width - 6)))
    y = int(np.clip(corner[1], height + base + 4, picture.shape[0]))
    cv2.rectangle(picture, (x, y - height - base - 4), (x + width + 6, y), colour, cv2.FILLED)
    cv2.putText(picture, text, (x + 3, y - base - 1), _FONT, size, (255, 255, 255), 1, cv2.LINE_AA)
