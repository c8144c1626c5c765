"""Red cells as numbers to learn from: named ones of chula, healthy donors' of pbc; also blurred and at another scale.

The device's own locator and code find and measure them, so that the head is fitted to what it will meet.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.counting.red_cells.shapes import SHAPES
from hemato_edge.errors import DataError
from hemato_edge.values import Detections
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.red_cells.outlines import look_at_red_cells
from hemato_edge.vision.red_cells.shape_features import NAMES, shape_features
from hemato_edge.vision.scale import red_cell_diameter_px
from hemato_training.data.red_cell_shapes import read_shape_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_edge.vision.locate.locator import Locator

MERGED = {
    **dict.fromkeys(("normal", "macrocyte", "microcyte", "hypochromia"), "normal"),
    **dict.fromkeys(("ovalocyte", "elliptocyte"), "ovalocyte"),
    "stomatocyte": "stomatocyte",
    "spherocyte": "spherocyte",
    "target": "target_cell",
    "teardrop": "teardrop_cell",
    "schistocyte": "schistocyte",
}
"""Name in chula → shape; others are left out: eight burr cells in three pictures teach nothing."""
ABSENT = ("burr_cell", "acanthocyte", "sickle_cell")
"""Shapes of which the data hold none, or too few."""
NEAR = 0.4
"""A named cell is the outline whose detection's middle is within so many red-cell diameters."""
BLUR, SMALL_PX = 0.03, 26.0
"""Blur, standard deviation in red-cell diameters, and red-cell diameter, pixels, of the altered copies of a picture."""
PLAIN = 0
"""Number of the copy that is not altered."""
HEALTHY_PICTURES = 400
"""Pictures of pbc that are read of a split, evenly over it."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Measured cells.

    Attributes:
        features: (n, `shape_features.NAMES`) float32.
        shapes: (n,) index into `SHAPES`.
        fields: (n,) number of the picture.
        slides: (n,) number of the slide.
        copies: (n,) which copy of the picture it was measured in, `PLAIN` for the picture itself.
    """

    features: NDArray[np.float32]
    shapes: NDArray[np.intp]
    fields: NDArray[np.intp]
    slides: NDArray[np.intp]
    copies: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.shapes)

    def select(self, mask: NDArray[np.bool_]) -> Cells:
        """Those of a mask (n,)."""
        return Cells(*(getattr(self, name)[mask] for name in self.__dataclass_fields__))

    def with_others(self, others: Cells) -> Cells:
        """These, then the others."""
        return Cells(*(np.concatenate([getattr(self, n), getattr(others, n)]) for n in self.__dataclass_fields__))


def named_cells(folder: Path, step: Callable[[], None] = lambda: None) -> Cells:
    """The named cells of chula that have an outline to themselves, in all copies of their pictures.

    Raises:
        DataError: there is no such data set.
    """
    locator, rows = load_locator(), []
    for field in read_shape_fields(folder):
        for copy, features, middles, size in _copies(locator, _read(field.path)):
            for name, place in zip(field.names, field.places, strict=True):
                away = np.hypot(*(middles - place).T) if len(middles) else np.array([np.inf])
                if name in MERGED and away.min() < NEAR * size:
                    shape = SHAPES.index(MERGED[name])
                    rows.append((features[away.argmin()], shape, field.number, field.slide, copy))
        step()
    return _cells(rows)


def unnamed_cells(pictures: Iterable[Path], *, altered: bool, step: Callable[[], None] = lambda: None) -> Cells:
    """All cells of pictures that have an outline to themselves, as normal ones; each picture is a field and a slide."""
    locator, rows = load_locator(), []
    for number, path in enumerate(pictures):
        for copy, features, _, _ in _copies(locator, _read(path), altered=altered):
            rows += [(one, 0, -1 - number, -1 - number, copy) for one in features]
        step()
    return _cells(rows)


def healthy_pictures(folder: Path, split: str) -> list[Path]:
    """Pictures of a split of pbc, whose donors are healthy, evenly over it.

    Raises:
        DataError: there is no such data set.
    """
    index = folder / "index.csv"
    if not index.is_file():
        raise DataError(f"{folder} has no index.csv.", "Name the folder that holds pbc/ with --data.")
    with index.open(encoding="utf-8", newline="") as stream:
        rows = [row["image"] for row in csv.DictReader(stream) if row["split"] == split]
    return [folder / one for one in rows[:: max(1, len(rows) // HEALTHY_PICTURES)]]


def _copies(
    locator: Locator, picture: Image, *, altered: bool = True
) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32], float]]:
    """Of each copy its number, the cells' numbers, their middles in the picture, and the size of a red cell there."""
    found = locator.locate(FieldView(picture))
    size = red_cell_diameter_px(found)
    if size is None:
        return
    factor = SMALL_PX / size
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    copies = [(picture, 1.0), (cv2.GaussianBlur(picture, (0, 0), BLUR * size), 1.0), (small, factor)]
    for number, (image, scale) in enumerate(copies if altered else copies[:1]):
        view = FieldView(np.asarray(image, np.uint8))
        cells = Detections(found.boxes * np.float32(scale), found.kinds, found.scores)
        look = look_at_red_cells(view, cells)
        features = shape_features(view, list(look.alone.values()), size * scale)
        yield number, features, found.centres[list(look.alone)].reshape(-1, 2), size


def _read(path: Path) -> Image:
    picture = cv2.imread(str(path))
    if picture is None:
        raise DataError(f"{path} is no picture.", "Get the data set again.")
    return np.asarray(picture, np.uint8)


def _cells(rows: list[tuple[NDArray[np.float32], int, int, int, int]]) -> Cells:
    features = np.array([row[0] for row in rows], np.float32).reshape(-1, len(NAMES))
    return Cells(features, *(np.array([row[i] for row in rows], np.intp) for i in range(1, 5)))
