"""Reads any folder of pictures: detects its layout, or reports which layouts were tried.

A folder with an `index.csv` is read through it. If the index has a column `label` it defines everything; otherwise
boxes come from annotations, and the index gives split, group and white-cell subtypes.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_training.data.formats.box_folders import read_box_folder
from hemato_training.data.formats.class_names import find_label, is_among, label_named, unknown_classes
from hemato_training.data.formats.index_csv import BOX_COLUMNS, INDEX, picture_path, read_index
from hemato_training.data.formats.picture_set import (
    GROUP_COLUMNS,
    LAYOUTS,
    SPLIT_WORDS,
    Cell,
    Picture,
    PictureSet,
    pictures_under,
    split_of,
)
from hemato_training.data.formats.reading import Reading, kept_reading
from hemato_training.data.formats.tables import read_table_folder

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


def read_folder(folder: Path, reading: Reading | None = None) -> PictureSet:
    """Every picture of a folder with its annotations.

    A picture that is missing, or lacks its annotation, gets a `fault`; whether a picture file can be decoded is not
    checked here.

    Args:
        folder: the data set.
        reading: the user's choices; what they leave open is taken from those `data split` saved in the folder.

    Raises:
        DataError: the folder is missing, its layout is unknown, or a class or split has an unknown name.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.", "Name the folder that holds the pictures.")
    indexed = (folder / INDEX).is_file()
    reading = (reading or Reading()).over(kept_reading(folder))
    if indexed:
        rows = read_index(folder, {"image"})
        if rows and "label" in rows[0]:
            return _read_labelled_index(folder, rows, reading.ignore)
    own = sorted(path.parent.name for path in folder.glob(f"*/{INDEX}"))
    if own and not indexed:
        raise DataError(f"{folder} holds several data sets: {', '.join(own)}.", f"Name one, such as {folder / own[0]}.")
    files = pictures_under(folder)
    found = (
        read_box_folder(folder, files, reading)
        or _read_class_folders(folder, files, reading.ignore)
        or read_table_folder(folder, files, reading)
        or _read_codes(folder, files, reading.ignore)
    )
    if found is None:
        _refuse_unknown_folders(folder, files)
        raise _unknown_layout(folder, files, indexed)
    return found


def _unknown_layout(folder: Path, files: list[Path], indexed: bool) -> DataError:
    seen = f"{len(files)} pictures" if files else "no picture"
    if indexed:
        seen += f" and an {INDEX} without the column label"
    looked = "; ".join(LAYOUTS.values())
    return DataError(f"{folder} has {seen}, in no layout that is known.", f"Looked for: {looked}.")


def _read_labelled_index(folder: Path, rows: list[dict[str, str]], ignore: Collection[str]) -> PictureSet:
    """One row per cell; rows of one picture are combined."""
    column = next((name for name in GROUP_COLUMNS if name in rows[0]), "")
    found: dict[str, Picture] = {}
    ignored = 0
    for row in rows:
        name = row["image"]
        if is_among(row["label"], ignore):
            ignored += 1
            continue
        cell = Cell(label_named(row["label"]), _box_of(row, folder))
        split, group = split_named(row.get("split", ""), folder), row.get(column, "")
        before = found.get(name)
        if before is None:
            path = picture_path(folder, name)
            fault = "" if path.is_file() else "it is in the index but not there"
            found[name] = Picture(path, name, split, group, (cell,), fault=fault)
        elif (before.split, before.group) != (split, group):
            raise DataError(f"{name} stands in {folder / INDEX} with two splits or groups.", "Give it one of each.")
        else:
            found[name] = Picture(before.path, name, split, group, (*before.cells, cell), fault=before.fault)
    listed = {picture.path for picture in found.values()}
    unlisted = sum(path not in listed for path in pictures_under(folder))
    return PictureSet(folder, "index", tuple(found.values()), column, unlisted, ignored)


def _box_of(row: dict[str, str], folder: Path) -> tuple[float, float, float, float] | None:
    sides = [row.get(name, "").strip() for name in BOX_COLUMNS]
    if not any(sides):
        return None
    try:
        x0, y0, x1, y1 = (float(side) for side in sides)
    except ValueError as error:
        raise DataError(
            f"The box of {row['image']} in {folder / INDEX} is not four numbers.",
            f"Give {', '.join(BOX_COLUMNS)} in pixels, or leave all four empty.",
        ) from error
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def split_named(word: str, folder: Path) -> str:
    """The split for a word in an index; empty for an empty one.

    Raises:
        DataError: the word is unknown.
    """
    if word and word.lower() not in SPLIT_WORDS:
        raise DataError(f"{folder / INDEX} has the unknown split {word!r}.", "Known: train, val, test.")
    return SPLIT_WORDS[word.lower()] if word else ""


def _read_class_folders(folder: Path, files: list[Path], ignore: Collection[str]) -> PictureSet | None:
    """One folder per class."""
    inside = [path for path in files if path.parent != folder]
    below = [path for path in inside if not is_among(path.parent.name, ignore)]
    if not any(find_label(path.parent.name) for path in below):
        return None
    unknown = sorted({path.parent.name for path in below if not find_label(path.parent.name)})
    if unknown:
        raise unknown_classes(unknown)
    pictures = tuple(_class_picture(path, folder, path.parent.name) for path in below)
    return PictureSet(folder, "classes", pictures, unlisted=len(files) - len(inside), ignored=len(inside) - len(below))


def _read_codes(folder: Path, files: list[Path], ignore: Collection[str]) -> PictureSet | None:
    """Pictures with the class's code in their name."""
    codes = {path: _code_of(path.name) for path in files}
    known = sum(find_label(code) is not None for code in codes.values())
    if not known or known < len(files) / 2:  # a few coincidental matches are no layout
        return None
    kept = [path for path in files if not is_among(codes[path], ignore)]
    pictures = tuple(_class_picture(path, folder, codes[path]) for path in kept)
    return PictureSet(folder, "codes", pictures, ignored=len(files) - len(kept))


def _refuse_unknown_folders(folder: Path, files: list[Path]) -> None:
    """Report the unknown names if there are folders that look like classes."""
    names = Counter(path.parent.name for path in files if path.parent != folder)
    if len(names) > 1:
        raise unknown_classes([name for name, _ in names.most_common()])


def _class_picture(path: Path, folder: Path, class_name: str) -> Picture:
    inside = path.relative_to(folder)
    return Picture(path, inside.as_posix(), split_of(inside.parts[:-1]), cells=(Cell(label_named(class_name)),))


def _code_of(name: str) -> str:
    """The letters before the first digit or separator: "BNE_1234.jpg" → "BNE"."""
    found = re.match(r"[A-Za-z]+", name)
    return found.group() if found else ""
