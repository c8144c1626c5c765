"""Red cells with the name of their shape: fields of Chula-RBC-12, where each cell is a point.

K. Naruenatthanaset et al., "Red Blood Cell Segmentation with Overlapping Cell Separation and Classification on
Imbalanced Dataset", arXiv 2012.01321, 2021; MIT licence.

The data set's own first list of names was wrong from its tenth name on; the present one has no sickle cell, and an
elliptocyte at the end. An index that was made with the first list is read as the present one: its cells look so, too.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_LIST = {
    "sickle": "schistocyte",
    "schistocyte": "uncategorised",
    "uncategorised": "hypochromia",
    "hypochromia": "elliptocyte",
}
"""Name in an index by the data set's first list of names → what the cell is by its present one."""
NAMES = (
    *("normal", "macrocyte", "microcyte", "spherocyte", "target", "stomatocyte", "ovalocyte", "teardrop", "burr"),
    *("schistocyte", "uncategorised", "hypochromia", "elliptocyte"),
)
"""The present list, by number."""
SAME_SLIDE = 15
"""Pictures whose numbers differ by no more are taken for one slide: the pictures lie in the order in which they were
taken, and neighbours share stain, lamp and cells."""


@dataclass(frozen=True, slots=True)
class ShapeField:
    """A field whose red cells have names.

    Attributes:
        path: the picture.
        number: of the picture in the data set.
        slide: number of the slide that it seems to be of, see `SAME_SLIDE`.
        places: (n, 2) float32, x y of the cells, pixels.
        names: of each, of `NAMES`.
    """

    path: Path
    number: int
    slide: int
    places: NDArray[np.float32]
    names: tuple[str, ...]


def read_shape_fields(folder: Path) -> list[ShapeField]:
    """The fields of a folder with `index.csv` (columns `image`, and `points` as "rbc NAME X Y;…"), by their numbers.

    Raises:
        DataError: there is no such index, or a cell in it has no known name or place.
    """
    index = folder / "index.csv"
    if not index.is_file():
        raise DataError(f"{folder} has no index.csv.", "Name the folder that holds index.csv of Chula-RBC-12.")
    csv.field_size_limit(2**31 - 1)
    with index.open(encoding="utf-8", newline="") as rows:
        read = [(row["image"], *_points(row["points"], row["image"])) for row in csv.DictReader(rows)]
    first = any("sickle" in names for _, names, _ in read)
    read.sort(key=lambda row: _number(row[0]))
    fields: list[ShapeField] = []
    for image, names, places in read:
        number = _number(image)
        near = bool(fields) and number - fields[-1].number <= SAME_SLIDE
        slide = fields[-1].slide + (not near) if fields else 0
        told = tuple(FIRST_LIST.get(name, name) if first else name for name in names)
        fields.append(ShapeField(folder / image, number, slide, places, told))
    return fields


def _points(text: str, image: str) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names and places of the cells of one picture."""
    names, places = [], []
    for one in filter(None, map(str.strip, text.split(";"))):
        try:
            *_, name, x, y = one.split()
            places.append((float(x), float(y)))
        except ValueError as error:
            raise DataError(f"The index names a cell of {image} without a place: {one!r}.", "Mend that row.") from error
        if name not in NAMES and name not in FIRST_LIST:
            raise DataError(f"The index names a cell of {image} {name!r}.", f"Known are {', '.join(NAMES)}.")
        names.append(name)
    return tuple(names), np.array(places, np.float32).reshape(-1, 2)


def _number(image: str) -> int:
    digits = "".join(filter(str.isdigit, Path(image).stem))
    return int(digits) if digits else 0
