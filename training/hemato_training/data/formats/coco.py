"""Boxes in COCO JSON, as CVAT, Roboflow and Label Studio export them: one file for many pictures."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import DataError
from hemato_training.data.formats.annotations import Boxes, Drawn, extent
from hemato_training.data.formats.number_names import categories
from hemato_training.data.formats.picture_names import PictureNames
from hemato_training.data.formats.picture_set import SPLIT_WORDS, split_of
from hemato_training.data.formats.text_files import read_text
from hemato_training.data.pictures import picture_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hemato_training.data.formats.reading import Reading

_AGAIN = "Export the annotations again."
_PARTS = ("images", "annotations", "categories")


@dataclass(frozen=True, slots=True)
class Coco:
    """Content of the COCO files of a folder.

    Attributes:
        drawn: picture → its objects.
        splits: picture → split, from the name of the file or of its folder.
        pictures: those named in the files, in order; a missing one with the path it should have.
        ignore: names of objects to leave out.
    """

    drawn: Mapping[Path, Drawn]
    splits: Mapping[Path, str]
    pictures: tuple[Path, ...]
    ignore: tuple[str, ...]

    def boxes(self, picture: Path) -> Boxes | None:
        """The boxes of a picture; see `annotations.Drawn.boxes`."""
        drawn = self.drawn.get(picture)
        if drawn is None:
            return None
        return drawn.boxes(f"the annotation of {picture.name}", picture_size(picture), self.ignore)


def read_coco(folder: Path, files: list[Path], reading: Reading) -> Coco | None:
    """All COCO files below a folder combined, or None if there are none.

    Raises:
        DataError: one is malformed, or two describe the same picture differently.
    """
    names = PictureNames(files, folder)
    drawn: dict[Path, Drawn] = {}
    splits: dict[Path, str] = {}
    order: list[Path] = []
    for path, value in _documents(folder):
        split = _split_of(path, folder)
        for name, one in _pictures(path, value):
            picture = names.find(name, path.parent) or path.parent / name.replace("\\", "/").split("/")[-1]
            if picture in drawn and drawn[picture] != one:
                raise DataError(f"{path} and another file describe {picture.name} differently.", "Keep one of them.")
            drawn[picture] = one
            order.append(picture)
            if split:
                splits[picture] = split
    if not order:
        return None
    return Coco(drawn, splits, tuple(dict.fromkeys(order)), tuple(reading.ignore))


def _documents(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.rglob("*.json")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        text = read_text(path)
        if not all(f'"{part}"' in text for part in _PARTS):
            continue
        try:
            value = json.loads(text)
        except ValueError as error:
            raise DataError(f"{path} is no whole JSON document: {error}.", _AGAIN) from error
        if isinstance(value, dict) and all(isinstance(value.get(part), list) for part in _PARTS):
            yield path, value


def _split_of(path: Path, folder: Path) -> str:
    """From the folder (Roboflow's train/_annotations.coco.json), else from the file name (instances_val2017.json)."""
    words = re.findall(r"[a-z]+", path.stem.lower())
    return split_of(path.relative_to(folder).parts[:-1]) or next(
        (SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), ""
    )


def _pictures(path: Path, value: dict[str, Any]) -> Iterator[tuple[str, Drawn]]:
    names = categories(value["categories"], path)
    objects: dict[str, list[tuple[str, tuple[float, float, float, float]]]] = defaultdict(list)
    try:
        for entry in value["annotations"]:
            if entry.get("iscrowd") == 1 and not entry.get("bbox"):
                continue
            number = int(entry["category_id"])
            if number not in names:
                raise DataError(f"{path} has a box of the category {number}, which it does not name.", _AGAIN)
            objects[_id(entry["image_id"])].append((names[number], _box(entry)))
        listed = Counter(_id(entry["id"]) for entry in value["images"])
        if lost := [one for one in objects if one not in listed]:
            raise DataError(f"{path} has boxes of pictures that it does not list, such as the id {lost[0]}.", _AGAIN)
        if twice := [one for one, times in listed.items() if times > 1 and one in objects]:
            raise DataError(f"{path} gives the id {twice[0]} to more than one picture.", _AGAIN)
        for entry in value["images"]:
            width, height = float(entry.get("width") or 0), float(entry.get("height") or 0)
            size = (width, height) if min(width, height) > 0 else None
            yield str(entry["file_name"]), Drawn(tuple(objects[_id(entry["id"])]), size)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise DataError(f"{path} is not valid COCO: {error!r}.", _AGAIN) from error


def _id(value: object) -> str:
    """An id of a picture as text: some tools write numbers in one place and texts in the other."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _box(entry: dict[str, Any]) -> tuple[float, float, float, float]:
    """x0 y0 x1 y1 of `bbox` (x, y, width, height), else the bounding box of the polygons."""
    if entry.get("bbox"):
        x, y, width, height = (float(side) for side in entry["bbox"])
        return x, y, x + width, y + height
    polygons = entry.get("segmentation")
    if not polygons or not isinstance(polygons, list):
        raise DataError(f"The annotation {entry.get('id', '?')} has neither bbox nor polygon.", _AGAIN)
    each = [extent(float(side) for side in polygon) for polygon in polygons]
    return min(e[0] for e in each), min(e[1] for e in each), max(e[2] for e in each), max(e[3] for e in each)
