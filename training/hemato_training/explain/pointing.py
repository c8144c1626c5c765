"""Does the map point at the cell? The pointing game on cells with a drawn box.

J. Zhang et al., "Top-down neural attention by excitation backprop", IJCV 126, 2018. A crop has its cell in the middle,
where a map could point without looking; so the crops are also cut off-centre.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.vision.classify.crops import crop_side_px, cut_crop, prepare
from hemato_edge.vision.field_view import FieldView
from hemato_training.data.pictures import read_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from hemato_training.data.crops import Look
    from hemato_training.data.records import Record

    Mapper: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    """Prepared crops (n, S, S, 3) → maps (n, h, w) of each crop's own answer."""

SHIFT = 0.3
"""How far the cell is moved from the middle, in sides of the crop, in a random direction."""


@dataclass(frozen=True, slots=True)
class Pointing:
    """The share of maps whose peak lies inside of the cell's box.

    Attributes:
        cells: how many.
        share: of the peaks that are inside.
        interval: Clopper-Pearson, 95 %.
        area: mean share of the crop's area that the box takes: where a peak placed by chance would fall.
        middle: share of the boxes that the crop's middle lies in: what always pointing there would score.
        shift: how far off the middle the cells were, in sides of the crop.
    """

    cells: int
    share: float
    interval: tuple[float, float]
    area: float
    middle: float
    shift: float

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


def pointing_game(
    records: Sequence[Record], look: Look, size: int, mapper: Mapper, shift: float = 0.0, seed: int = 7
) -> Pointing:
    """Play it on all records that have a box.

    Args:
        records: of one laboratory.
        look: the laboratory's.
        size: side of the classifier's input, pixels.
        mapper: gives the maps.
        shift: 0 for crops as the device cuts them, else how far off the middle, in sides.
        seed: of the directions.

    Raises:
        ValueError: if no record has a box.
        DataError: if a picture cannot be read.
    """
    boxed = [r for r in records if r.box is not None]
    if not boxed:
        msg = "no record has a box"
        raise ValueError(msg)
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(boxed))
    side = crop_side_px(look.red_cell_px)
    crops, boxes = np.empty((len(boxed), size, size, 3), np.uint8), np.empty((len(boxed), 4))
    for i, (record, angle) in enumerate(zip(boxed, angles, strict=True)):
        x0, y0, x1, y1 = record.box or (0.0, 0.0, 0.0, 0.0)
        centre = ((x0 + x1) / 2 + shift * side * np.cos(angle), (y0 + y1) / 2 + shift * side * np.sin(angle))
        crops[i] = cut_crop(FieldView(read_picture(record.path)), (float(centre[0]), float(centre[1])), side, size)
        corner = np.array([*centre, *centre]) - side / 2
        boxes[i] = np.clip((np.array([x0, y0, x1, y1]) - corner) / side, 0, 1)
    hits = inside(boxes, peaks(mapper(prepare(crops, look.stain)), size))
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return Pointing(
        cells=len(boxed),
        share=float(hits.mean()),
        interval=clopper_pearson(int(hits.sum()), len(hits)),
        area=float((width * height).mean()),
        middle=float(inside(boxes, np.full((len(boxed), 2), 0.5)).mean()),
        shift=shift,
    )


def peaks(maps: NDArray[np.float32], size: int) -> NDArray[np.float64]:
    """(n, 2) x, y of each map's highest point, 0 to 1, after enlarging it to the crop's size as a person sees it."""
    found = np.empty((len(maps), 2))
    for i, one in enumerate(maps):
        large = cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC)
        y, x = np.unravel_index(int(np.argmax(large)), large.shape)
        found[i] = (x + 0.5) / size, (y + 0.5) / size
    return found


def inside(boxes: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) bool: whether each point (n, 2) lies in its box (n, 4) xyxy."""
    return np.all((points >= boxes[:, :2]) & (points <= boxes[:, 2:]), axis=1)  # type: ignore[no-any-return]
