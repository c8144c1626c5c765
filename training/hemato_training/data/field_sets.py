"""Readers of data sets of whole fields with bounding boxes, for training and evaluating a locator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_training.data.formats.annotations import read_voc, read_yolo
from hemato_training.data.formats.folders import read_folder
from hemato_training.data.formats.index_csv import INDEX, read_index
from hemato_training.data.pictures import picture_size, read_picture
from hemato_training.data.records import SPLITS, Placed, refuse_leaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hemato_edge.values import Image
    from hemato_training.data.formats.annotations import Boxes


@dataclass(frozen=True, slots=True)
class FieldSet:
    """A data set of fields.

    Attributes:
        name: its folder under the data directory.
        title: name for the user.
        licence: SPDX name.
        attribution: whom to credit.
    """

    name: str
    title: str
    licence: str
    attribution: str


FIELD_SETS: dict[str, FieldSet] = {
    "bccd": FieldSet("bccd", "BCCD", "MIT", "BCCD data set (cosmicad, akshaylamba, Shenggan)"),
    "pbc_boxes": FieldSet("pbc_boxes", "PBC with boxes", "MIT", "TXL-PBC data set; PBC data set, Acevedo et al. 2020"),
    "raabin_fields": FieldSet("raabin_fields", "Raabin fields", "MIT", "TXL-PBC data set; Raabin-WBC data set"),
}


@dataclass(frozen=True, slots=True)
class Field(Placed):
    """One picture and its boxes.

    Attributes:
        boxes: its valid boxes.
    """

    boxes: Boxes

    def image(self) -> Image:
        """(H, W, 3) uint8 BGR.

        Raises:
            DataError: it cannot be read.
        """
        return read_picture(self.path)


def load_fields(data: Path, names: Sequence[str] = tuple(FIELD_SETS)) -> list[Field]:
    """All fields of the named sets, checked for leakage.

    Args:
        data: directory with one folder per data set.
        names: keys of `FIELD_SETS`, or names of folders of fields that have an index.

    Raises:
        DataError: a set is missing or malformed, or there is leakage.
    """
    found: list[Field] = []
    for name in names:
        found += _read_set(data / name, name)
    for field in found:
        if field.split not in SPLITS:
            raise DataError(f"{field.key} has the unknown split {field.split!r}.", f"Known: {', '.join(SPLITS)}.")
    refuse_leaks(found)
    return found


def _read_set(folder: Path, name: str) -> list[Field]:
    if name == "bccd" and (folder / "annotations").is_dir():
        return _read_bccd(folder)
    if name in FIELD_SETS and name != "bccd":
        return _read_yolo_set(folder, name)
    return read_any_fields(folder, name)


def read_any_fields(folder: Path, name: str) -> list[Field]:
    """The fields of any folder with bounding boxes and an index with splits: published BCCD, or a user's own.

    Raises:
        DataError: there is no index or no box, or a picture or its annotation is unavailable.
    """
    if not (folder / INDEX).is_file():
        raise DataError(
            f"{folder} has no {INDEX}, so it has no training split.",
            f"Type `hemato-edge data split {folder}`.",
        )
    fields = []
    for picture in read_folder(folder).pictures:
        if picture.fault or picture.boxes is None:
            fault = picture.fault or "it has no bounding boxes"
            raise DataError(f"{folder / picture.name}: {fault}.", f"Type `hemato-edge data check {folder}`.")
        group = f"{name}/{picture.group or picture.name}"
        fields.append(Field(picture.path, "", name, group, picture.split, picture.name, picture.boxes))
    return fields


def _read_bccd(folder: Path) -> list[Field]:
    rows = read_index(folder, {"image", "field", "split"})
    return [
        Field(
            _there(folder / "images" / row["image"]),
            "",
            "bccd",
            f"bccd/field {row['field']}",
            row["split"],
            row["image"],
            read_voc(folder / "annotations" / f"{Path(row['image']).stem}.xml"),
        )
        for row in rows
    ]


def _read_yolo_set(folder: Path, name: str) -> list[Field]:
    fields = []
    for row in read_index(folder, {"image", "split"}):
        path = _there(folder / "images" / row["image"])
        boxes = read_yolo(folder / "labels" / f"{path.stem}.txt", *picture_size(path))
        group = f"{name}/{row.get('group') or row.get('pbc_name') or row['image']}"
        fields.append(Field(path, "", name, group, row["split"], row["image"], boxes))
    return fields


def _there(path: Path) -> Path:
    if not path.is_file():
        raise DataError(f"{path} is in the index but not there.", "Get the data set again.")
    return path
