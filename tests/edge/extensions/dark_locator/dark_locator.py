"""A made-up locator, `locator.kind = "dark"`: what is dark is a white cell; a file of its own says how dark."""

from __future__ import annotations

import cv2
import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.labels import WBC
from hemato_edge.values import Detections
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.kind import LocatorKind, LocatorOptions


class DarkLocator:
    def __init__(self, below: int, min_score: float) -> None:
        self.provenance = f"dark {below}"
        self._below, self._min_score = below, min_score

    def locate(self, view: FieldView) -> Detections:
        green = cv2.GaussianBlur(view.window[..., 1], (9, 9), 0)
        _, _, stats, _ = cv2.connectedComponentsWithStats((green < self._below).astype(np.uint8))
        spots = stats[1:][stats[1:, cv2.CC_STAT_AREA] > 200]
        boxes = np.concatenate([spots[:, :2], spots[:, :2] + spots[:, 2:4]], axis=1).astype(np.float32)
        found = Detections(boxes, np.full(len(boxes), WBC, np.int8), np.full(len(boxes), 0.7, np.float32))
        return found.select((found.scores >= self._min_score) & view.aperture.covers(boxes))


def make(options: LocatorOptions) -> DarkLocator:
    if options.path is None:
        raise ModelError("The locator dark needs a file that says how dark a cell is.", "Set locator.path.")
    return DarkLocator(int(options.path.read_text()), options.min_score or 0.5)


KIND = LocatorKind("dark", make)
