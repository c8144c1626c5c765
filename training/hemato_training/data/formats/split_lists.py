"""Split lists: train.txt of Darknet, CVAT and Ultralytics, ImageSets/Main of Pascal VOC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.cameras.picture_files import PICTURE_SUFFIXES
from hemato_training.data.formats.picture_names import PictureNames, plain_path
from hemato_training.data.formats.picture_set import SPLIT_WORDS
from hemato_training.data.formats.text_files import read_text

if TYPE_CHECKING:
    from pathlib import Path

_ORDER = ("trainval", "training", "train", "valid", "validation", "val", "dev", "testing", "test")
"""Lists by increasing precision, the last one wins: trainval includes train and val."""


def is_split_list(path: Path) -> bool:
    """Whether a text file is a split list, by its name and its first line."""
    if path.stem.lower() not in SPLIT_WORDS:
        return False
    if "ImageSets" in path.parts:
        return True
    first = next((line for line in read_text(path).splitlines() if line.strip()), "")
    return any(plain_path(first).casefold().endswith(suffix) for suffix in PICTURE_SUFFIXES)


def listed_splits(folder: Path, names: PictureNames) -> dict[Path, str]:
    """Picture → split, from all lists below `folder`; pictures in no list are omitted."""
    found: dict[Path, str] = {}
    lists = [path for path in sorted(folder.rglob("*.txt")) if is_split_list(path)]
    for path in sorted(lists, key=lambda one: _ORDER.index(one.stem.lower()) if one.stem.lower() in _ORDER else 0):
        for line in read_text(path).splitlines():
            name = line.strip()
            if path.parent.parent.name == "ImageSets":  # `stem`, or `stem 1` and `stem -1` of a class's own list
                name, _, member = name.rpartition(" ") if name.endswith((" 1", " -1", " 0")) else (name, "", "1")
                if member == "-1":
                    continue
            picture = names.find(name) if name else None
            if picture is not None:
                found[picture] = SPLIT_WORDS[path.stem.lower()]
    return found
