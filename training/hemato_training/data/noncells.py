"""Crops of objects that are not white cells, cut by the device's code from annotated fields; and synthetic noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import PLATELET, RBC, WBC
from hemato_edge.vision.classify.crops import crop_side_px, cut_crop, prepare
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_training.data.crops import looks_of
from hemato_training.data.field_sets import load_fields
from hemato_training.data.records import Record, in_split
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_training.data.crops import Look
    from hemato_training.data.field_sets import Field
    from hemato_training.progress import Reporter

KINDS: dict[str, str] = {
    "background": "empty background",
    "red_cell": "red cells",
    "platelet": "platelets",
    "debris": "small stained things where nobody drew anything",
    "mistaken": "what the locator takes for a white cell where nobody drew one",
    "noise": "drawn noise and plain colours",
}
"""Kind → its name for the user."""
FIELD_SETS: tuple[str, ...] = ("bccd", "raabin_fields")
MOST_OF_A_FIELD = {"background": 1, "red_cell": 2, "platelet": 2, "debris": 2, "mistaken": 8, "white": 8}
_CLEAR = 0.75
"""Minimum distance of such an object's centre from boxes of other kinds, in red-cell diameters."""
_NOISE = 60


@dataclass(frozen=True, slots=True)
class Strangers:
    """Crops of one kind.

    Attributes:
        kind: of `KINDS`, or "white" for the white cells of the same fields.
        laboratory: source of the fields; empty for synthetic ones.
        images: (n, S, S, 3) uint8 RGB, ready for the network.
        groups: (n,) str, the field of each.
    """

    kind: str
    laboratory: str
    images: NDArray[np.uint8]
    groups: NDArray[np.str_]


def gather_strangers(
    data: Path, size: int, cache: Path, *, split: str = "val", reporter: Reporter | None = None
) -> list[Strangers]:
    """All kinds from every available set of fields, with the white cells of the same fields; and noise.

    Args:
        data: directory with one folder per data set.
        size: side of the classifier's input, pixels.
        cache: folder for cached appearances.
        split: "train" or "val".
        reporter: for progress.

    Raises:
        DataError: an available set is malformed.
    """
    found: list[Strangers] = []
    for name in FIELD_SETS:
        if (data / name / "index.csv").is_file():
            fields = load_fields(data, (name,))
            look = looks_of([_as_record(field) for field in fields], cache, reporter)[name]
            found += cut_strangers(in_split(fields, split), look, size, reporter)
    noise = draw_noise(size)
    return [*found, Strangers("noise", "", noise, np.array([f"noise {i}" for i in range(len(noise))], np.str_))]


def cut_strangers(fields: Sequence[Field], look: Look, size: int, reporter: Reporter | None = None) -> list[Strangers]:
    """The kinds found in the fields of one laboratory, in the order of `KINDS`, and their white cells."""
    locator = OpenCvLocator()
    crops: dict[str, list[Image]] = {kind: [] for kind in MOST_OF_A_FIELD}
    groups: dict[str, list[str]] = {kind: [] for kind in MOST_OF_A_FIELD}
    rng = np.random.default_rng(7)
    what = f"strangers in {fields[0].laboratory}" if fields else ""
    for field in (reporter or Silent()).track(fields, what, len(fields)):
        image = field.image()
        view, side = FieldView(image), crop_side_px(look.red_cell_px)
        for kind, centres in strange_places(field, image, look.red_cell_px, locator, rng).items():
            for x, y in centres[: MOST_OF_A_FIELD[kind]]:
                crops[kind].append(cut_crop(view, (float(x), float(y)), side, size))
                groups[kind].append(field.group)
    return [
        Strangers(kind, fields[0].laboratory, prepare(np.stack(own), look.stain), np.array(groups[kind], np.str_))
        for kind, own in crops.items()
        if own
    ]


def strange_places(
    field: Field, image: Image, red_cell_px: float, locator: OpenCvLocator, rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Kind → (n, 2) float64 x, y of crops from one field, in random order; includes "white".

    Args:
        field: with its boxes.
        image: its picture.
        red_cell_px: diameter of a red cell in it.
        locator: its false positives are one of the kinds.
        rng: for the order and the places of background.
    """
    clear = _CLEAR * red_cell_px
    white = field.boxes.of_kind(WBC)
    located = locator.locate(FieldView(image, red_cell_px=red_cell_px))
    everything = np.concatenate([field.boxes.xyxy, located.boxes])
    height, width = image.shape[:2]
    random = rng.uniform([0, 0], [width, height], (200, 2))
    found = {
        "background": random[distance_to_boxes(random, everything) > clear],
        "red_cell": _apart(_centres(field.boxes.of_kind(RBC)), white, 2 * clear),
        "platelet": _apart(_centres(field.boxes.of_kind(PLATELET)), white, 2 * clear),
        "debris": _apart(_apart(_centres(located.of_kind(PLATELET).boxes), field.boxes.xyxy, 0.0), white, 2 * clear),
        "mistaken": _apart(_centres(located.of_kind(WBC).boxes), white, 0.0),
        "white": _centres(white),
    }
    return {kind: rng.permutation(places) for kind, places in found.items()}


def distance_to_boxes(points: NDArray[np.float64], boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) distance of each point (n, 2) from the nearest box (m, 4) xyxy, 0 inside; infinite without boxes."""
    if not len(boxes):
        return np.full(len(points), np.inf)
    low, high = boxes[None, :, :2] - points[:, None], points[:, None] - boxes[None, :, 2:]
    gap = np.maximum(np.maximum(low, high), 0)
    return np.hypot(gap[..., 0], gap[..., 1]).min(axis=1)  # type: ignore[no-any-return]


def draw_noise(size: int, count: int = _NOISE, seed: int = 7) -> NDArray[np.uint8]:
    """(count, size, size, 3) uint8: pixel noise, soft noise, and uniform colour, in turn."""
    rng = np.random.default_rng(seed)
    drawn = np.empty((count, size, size, 3), np.uint8)
    for i in range(count):
        noise = rng.integers(0, 256, (size, size, 3), np.uint8)
        if i % 3 == 1:
            soft = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), size / 12)
            noise = cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)  # type: ignore[call-overload]
        elif i % 3 == 2:
            noise[:] = rng.integers(0, 256, 3, np.uint8)
        drawn[i] = noise
    return drawn


def _apart(points: NDArray[np.float64], boxes: NDArray[np.float32], least: float) -> NDArray[np.float64]:
    return points[distance_to_boxes(points, boxes) > least]


def _centres(boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    return ((boxes[:, :2] + boxes[:, 2:]) / 2).astype(np.float64)


def _as_record(field: Field) -> Record:
    """A field as input of `crops.measure_look`, which measures the stain in a white cell's box if there is one."""
    white = field.boxes.of_kind(WBC)
    box = tuple(float(v) for v in white[0]) if len(white) else None
    return Record(field.path, "", field.laboratory, field.group, field.split, field.key, box)  # type: ignore[arg-type]
