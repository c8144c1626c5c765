"""The pictures of a folder, independent of its layout: input of `data check`, `data split` and training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hemato_edge.cameras.picture_files import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hemato_training.data.formats.annotations import Boxes

LAYOUTS: dict[str, str] = {
    "index": "an index.csv with the columns image and label",
    "voc": "Pascal VOC: a folder Annotations with .xml files beside JPEGImages or images",
    "yolo": "YOLO text: a folder labels with .txt files beside images",
    "coco": "COCO JSON with the keys images, annotations and categories",
    "classes": "a folder per class, such as neutrophil/ or TRAIN/EOSINOPHIL/",
    "table": "a table (.csv, .tsv, .txt) with a picture and its class a row",
    "codes": "pictures whose names begin with a class, such as BNE_1234.jpg",
}
"""All known layouts, in the order in which they are tried."""
GROUP_COLUMNS: tuple[str, ...] = ("group", "field", "pbc_name", "patient", "slide")
"""Columns of an index that define groups within one split; the first one present is used."""
SPLIT_WORDS: dict[str, str] = {
    **dict.fromkeys(("train", "training", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "test_simple", "holdout"), "test"),
}
"""Names of folders and lists → split."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One classified cell of a picture.

    Attributes:
        label: one of `labels.CLASSIFIER_LABELS`.
        box: x0 y0 x1 y1 in pixels, or None if the picture shows only this cell.
    """

    label: str
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture with its annotations.

    Attributes:
        path: the file; it may be missing.
        name: its path below the folder, with slashes, or as in the index.
        split: "train", "val", "test", or empty if unknown.
        group: pictures that must stay in one split, or empty if unknown.
        cells: its classified cells.
        boxes: its bounding boxes, or None in a layout without.
        fault: why it cannot be used, or empty.
    """

    path: Path
    name: str
    split: str = ""
    group: str = ""
    cells: tuple[Cell, ...] = ()
    boxes: Boxes | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class PictureSet:
    """All pictures of a folder.

    Attributes:
        folder: their root.
        layout: a key of `LAYOUTS`.
        pictures: in the order of the index, else of their names.
        group_column: the column of the index with the groups, or empty.
        unlisted: number of pictures in the folder that are not in the index.
        ignored: number of pictures, cells and boxes of classes left out on request.
    """

    folder: Path
    layout: str
    pictures: tuple[Picture, ...]
    group_column: str = ""
    unlisted: int = 0
    ignored: int = 0

    def with_splits(self, splits: Mapping[str, str]) -> PictureSet:
        """The same pictures, with the splits in `splits`, by name."""
        return replace(self, pictures=tuple(replace(p, split=splits[p.name]) for p in self.pictures))


def pictures_under(folder: Path) -> list[Path]:
    """Every picture file below `folder`, sorted, except hidden ones and macOS's additions to archives."""
    found = []
    for path in folder.rglob("*"):
        inside = path.relative_to(folder).parts
        hidden = any(part.startswith((".", "__MACOSX")) for part in inside)
        if path.suffix.lower() in PICTURE_SUFFIXES and not hidden and path.is_file():
            found.append(path)
    return sorted(found)


def split_of(parts: tuple[str, ...]) -> str:
    """The split named by one of a path's folders, innermost first; empty if none."""
    for part in reversed(parts):
        if part.lower() in SPLIT_WORDS:
            return SPLIT_WORDS[part.lower()]
    return ""
