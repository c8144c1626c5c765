"""A virtual slide stitched from annotated real fields, and a simulated locator that returns their boxes with errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.cameras.demo.slide import SlideObject
from hemato_edge.labels import KINDS, PLATELET
from hemato_edge.values import Detections, Pose
from hemato_training.data.field_sets import load_fields

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.cameras.demo.camera import DemoCamera, Slide
    from hemato_edge.values import Image
    from hemato_edge.vision.field_view import FieldView

COLUMNS, ROWS = 10, 10
RED_PX = 64.0
"""Fields are rescaled to this red-cell diameter, pixels."""
NATIVE_RED_PX = {"bccd": 102.0, "raabin_fields": 123.0}
GAIN = 0.08
"""Largest relative change of each field's brightness: seams are visible, as between days or lamps."""
_APART = 0.3


class MosaicSlide:
    """Fields of one data set side by side, each used once. Implements the demo's `Slide` protocol.

    Boxes that touch their field's border are excluded from the truth: the cell does not continue in the neighbour.

    Args:
        data: folder that holds the data set.
        name: "bccd" or "raabin_fields".
        seed: determines the fields and their order.
    """

    def __init__(self, data: Path, name: str, seed: int) -> None:
        rng = np.random.default_rng([seed, 50])
        fields = list({field.group: field for field in load_fields(data, (name,))}.values())
        shrink = RED_PX / NATIVE_RED_PX[name]
        chosen = [fields[int(i)] for i in rng.permutation(len(fields))[: COLUMNS * ROWS]]
        height, width = (round(side * shrink) for side in chosen[0].image().shape[:2])
        self.size_px = (width * COLUMNS, height * -(-len(chosen) // COLUMNS))
        self._picture = np.full((self.size_px[1], self.size_px[0], 3), 220, np.uint8)
        truth: list[SlideObject] = []
        for number, field in enumerate(chosen):
            x, y = number % COLUMNS * width, number // COLUMNS * height
            image = field.image() * rng.uniform(1 - GAIN, 1 + GAIN)
            small = cv2.resize(np.clip(image, 0, 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA)
            self._picture[y : y + height, x : x + width] = small
            scale = np.array([width / image.shape[1], height / image.shape[0]] * 2)
            truth += _objects(field.boxes.xyxy * scale, field.boxes.kinds, (x, y), (width, height))
        self.truth = tuple(truth)

    def view(self, x_px: float, y_px: float, size_px: tuple[int, int] = (640, 480)) -> Image:
        """The slide in a window, (height, width, 3) uint8 BGR."""
        middle = (x_px + (size_px[0] - 1) / 2, y_px + (size_px[1] - 1) / 2)
        return np.asarray(cv2.getRectSubPix(self._picture, size_px, middle), np.uint8)


def _objects(
    boxes: NDArray[np.float64], kinds: NDArray[np.intp], corner: tuple[int, int], size: tuple[int, int]
) -> list[SlideObject]:
    found: list[SlideObject] = []
    inside = (boxes[:, :2] > 1).all(axis=1) & (boxes[:, 2:] < np.subtract(size, 1)).all(axis=1)
    for box, kind in zip(boxes[inside], kinds[inside], strict=True):
        x0, y0, x1, y1 = (box + np.tile(corner, 2)).tolist()
        one = SlideObject(KINDS[kind], KINDS[kind], (x0 + x1) / 2, (y0 + y1) / 2, (x0, y0, x1, y1))
        # some cells have two boxes, a few pixels apart
        if all(np.hypot(o.x_px - one.x_px, o.y_px - one.y_px) > _APART * RED_PX or o.kind != one.kind for o in found):
            found.append(one)
    return found


class BoxLocator:
    """Returns the true boxes under the stage with given errors. Implements the `Locator` protocol.

    Args:
        camera: its stage gives the position.
        missed: share of the sightings that are missed, independently.
        flicker: mean false detections per frame, at random places, with scores of 0.5 to 0.8.
        jitter_px: standard deviation of a box's position.
    """

    def __init__(self, camera: DemoCamera, missed: float = 0.05, flicker: float = 0.5, jitter_px: float = 2.0) -> None:
        slide: Slide = camera.slide
        self._camera = camera
        self._boxes = np.array([one.box for one in slide.truth])
        self._kinds = np.array([KINDS.index(one.kind) for one in slide.truth], np.int8)
        self._missed, self._flicker, self._jitter = missed, flicker, jitter_px
        self._frame_px = 0
        self.index = 0

    def locate(self, view: FieldView) -> Detections:
        """The boxes shown by the frame `index`, clipped at its border."""
        rng = np.random.default_rng([7, self.index])
        width, height = view.size
        self._frame_px = max(self._frame_px, width * height)
        x, y = np.add(self._camera.true_pose(self.index), view.corner).tolist()  # only unrotated frames have parts
        pose = Pose(0, x, y, 1.0, self._camera.true_angle(self.index))
        half = (self._boxes[:, 2:] - self._boxes[:, :2]) / 2
        middles = pose.in_frame((self._boxes[:, :2] + self._boxes[:, 2:]) / 2, (width, height))
        shown = np.hstack([middles - half, middles + half])
        limit = np.array([width, height] * 2)
        cut = np.clip(shown, 0, limit)
        enough = (cut[:, 2:] - cut[:, :2]).min(axis=1) > 0.3 * (shown[:, 2:] - shown[:, :2]).min(axis=1)
        seen = enough & (rng.random(len(cut)) >= self._missed)
        shake = np.tile(rng.normal(0, self._jitter, (int(seen.sum()), 2)), 2)
        whole = (cut == shown).all(axis=1)[seen]
        boxes = np.where(whole[:, None], cut[seen] + shake, cut[seen])
        scores = rng.uniform(0.6, 1.0, len(boxes))
        ghosts = int(rng.poisson(self._flicker * width * height / self._frame_px))
        places, side = rng.uniform((40, 40), (width - 40, height - 40), (ghosts, 2)), rng.uniform(15, 60, (ghosts, 1))
        kinds = np.concatenate([self._kinds[seen], rng.integers(0, PLATELET + 1, ghosts).astype(np.int8)])
        boxes = np.concatenate([boxes, np.hstack([places - side / 2, places + side / 2])]).astype(np.float32)
        scores = np.concatenate([scores, rng.uniform(0.5, 0.8, ghosts)]).astype(np.float32)
        return Detections(np.clip(boxes, 0, limit).astype(np.float32), kinds, scores)
