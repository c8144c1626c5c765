"""Tables with one picture and its class per row, from spreadsheets, Roboflow, Label Studio and Kaggle."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.cameras.picture_files import PICTURE_SUFFIXES
from hemato_edge.errors import DataError
from hemato_training.data.formats.annotations import Boxes, Drawn
from hemato_training.data.formats.box_folders import cells_in
from hemato_training.data.formats.class_names import find_label, is_among, label_named, unknown_classes
from hemato_training.data.formats.index_csv import INDEX, read_rows
from hemato_training.data.formats.number_names import HOW, Numbering, check_beginning, find_numbering
from hemato_training.data.formats.picture_names import PictureNames
from hemato_training.data.formats.picture_set import (
    GROUP_COLUMNS,
    SPLIT_WORDS,
    Cell,
    Picture,
    PictureSet,
    split_of,
)
from hemato_training.data.pictures import picture_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hemato_training.data.formats.reading import Reading

_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".tab"})
_MEANINGS: dict[str, str] = {
    "image": "filename file picture img path filepath imagepath imagename imagefile imageid imgname fname name",
    "label": "class classname category type celltype choice diagnosis target species subtype annotation",
    "split": "set subset partition dataset",
    "width": "imagewidth imgwidth",
    "height": "imageheight imgheight",
    "x0": "xmin left x1 bboxxmin bboxx1 minx",
    "y0": "ymin top y1 bboxymin bboxy1 miny",
    "x1": "xmax right x2 bboxxmax bboxx2 maxx",
    "y1": "ymax bottom y2 bboxymax bboxy2 maxy",
}
"""Column → its names in various tools, letters and digits only; our own `x1` is the right side, others' the left."""
_BOX = ("x0", "y0", "x1", "y1")


@dataclass(frozen=True, slots=True)
class _Row:
    """One row.

    Attributes:
        picture: the file, or None if there is none or it is ambiguous.
        name: as in the table.
        label: class name as in the table; empty for none.
        values: column → value, columns by their meaning.
    """

    picture: Path | None
    name: str
    label: str
    values: Mapping[str, str]


def read_table_folder(folder: Path, files: list[Path], reading: Reading) -> PictureSet | None:
    """The pictures of a folder as listed in a table, or None if no table has pictures and classes.

    One column per class with 0 and 1 (Roboflow's _classes.csv) is supported, too, and a table without header; numeric
    classes need names, as in YOLO.

    Raises:
        DataError: a class is unknown, a picture has two classes, splits or groups, or a box is not four numbers.
    """
    names = PictureNames(files, folder)
    rows: list[_Row] = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in _SUFFIXES and path.name != INDEX and not hidden and path.is_file():
            own = _rows_of(path, names, folder)
            if any(row.picture is not None for row in own):
                rows += own
    if not rows:
        return None
    rows = _with_names(rows, folder, reading)
    kept = [row for row in rows if not is_among(row.label, reading.ignore)]
    unknown = Counter(row.label for row in kept if row.label and not _is_known(row))
    if unknown:
        raise unknown_classes([label for label, _ in unknown.most_common()])
    by_picture: dict[str, list[_Row]] = defaultdict(list)
    for row in kept:
        key = row.picture.relative_to(folder).as_posix() if row.picture is not None else row.name
        by_picture[key].append(row)
    column = next((name for name in GROUP_COLUMNS if any(name in row.values for row in kept)), "")
    pictures = tuple(_picture(key, own, column, folder) for key, own in by_picture.items())
    unlisted = len(set(files) - {row.picture for row in rows})
    return PictureSet(folder, "table", pictures, column, unlisted, len(rows) - len(kept))


def _rows_of(path: Path, names: PictureNames, folder: Path) -> list[_Row]:
    """The rows of one table; none if it has no picture or no class."""
    try:
        header, body = read_rows(path)
    except (DataError, csv.Error):  # a text file that is no table
        return []
    header, body = _with_header(header, body)
    meant = _columns(header)
    classes = [name for name in header if find_label(name) and name not in meant.values()]
    if "image" not in meant or ("label" not in meant and len(classes) < 2):
        return []
    split = split_of((path.stem,)) or split_of(path.relative_to(folder).parts[:-1])
    rows = []
    for line in body:
        values = {meaning: line.get(name, "").strip() for meaning, name in meant.items()}
        values = {**values, "split": values.get("split") or split}
        label = values.get("label") or _marked(line, classes)
        name = values["image"]
        if name:
            rows.append(_Row(names.find(name, path.parent), name, label, values))
    return rows


def _with_header(header: list[str], body: list[dict[str, str]]) -> tuple[list[str], list[dict[str, str]]]:
    """The table with generated column names if its first row is data."""
    at = next((i for i, name in enumerate(header) if _ends_as_picture(name)), None)
    if at is None:
        return header, body
    lines = [header, *([row.get(name, "") for name in header] for row in body)]
    numbers = [i for i in range(len(header)) if all(re.fullmatch(r"-?\d+(\.\d+)?", line[i].strip()) for line in lines)]
    words = [i for i in range(len(header)) if i != at and i not in numbers]
    labels = [i for i in words if any(find_label(line[i]) for line in lines)] or words or numbers[-1:]
    meant = {at: "image", **({labels[-1]: "label"} if labels else {})}
    if len(numbers) == len(_BOX):
        meant |= dict(zip(numbers, _BOX, strict=True))
    new = [meant.get(i, f"column {i + 1}") for i in range(len(header))]
    return new, [dict(zip(new, line, strict=True)) for line in lines]


def _columns(header: Sequence[str]) -> dict[str, str]:
    """Meaning → the column's name in the table."""
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in header if name.strip()}
    found: dict[str, str] = {}
    other = {"x2", "xmax", "right", "bboxx2", "bboxxmax", "maxx"} & plain.keys()
    for meaning, spellings in _MEANINGS.items():
        own = () if meaning in ("x1", "y1") and other else (meaning,)
        for spelling in (*own, *spellings.split()):
            if spelling in plain and plain[spelling] not in found.values():
                found[meaning] = plain[spelling]
                break
    found |= {name: plain[name] for name in ("group", "field", "patient", "slide") if name in plain}
    found |= {name[:-2]: plain[name] for name in ("patientid", "slideid", "groupid") if name in plain}
    return found


def _marked(line: Mapping[str, str], classes: Sequence[str]) -> str:
    marked = [name for name in classes if line.get(name, "").strip().lower() in ("1", "1.0", "true", "x")]
    return marked[0] if len(marked) == 1 else ""


def _with_names(rows: list[_Row], folder: Path, reading: Reading) -> list[_Row]:
    """The rows with names instead of numbers, if the classes are numbers."""
    if not all(row.label.isdigit() for row in rows if row.label):
        return rows
    numbering = Numbering(reading.names, listed=reading.listed) if reading.names else find_numbering(folder)
    names = numbering.names
    if not names:
        raise DataError(f"The classes in the table of {folder} are numbers, without names.", HOW)
    if numbering.listed:
        check_beginning({int(row.label) for row in rows if row.label}, names, f"the table of {folder}")
    lacking = sorted({row.label for row in rows if row.label and int(row.label) not in names})
    if lacking:
        raise DataError(f"The table of {folder} has the classes {', '.join(lacking)}, which have no name.", HOW)
    return [_Row(r.picture, r.name, names[int(r.label)] if r.label else "", r.values) for r in rows]


def _is_known(row: _Row) -> bool:
    if find_label(row.label):
        return True
    try:
        return _has_box(row) and bool(Drawn(((row.label, (0.0, 0.0, 1.0, 1.0)),)).boxes(row.name).kinds.size)
    except DataError:
        return False


def _has_box(row: _Row) -> bool:
    return any(row.values.get(side) for side in _BOX)


def _picture(key: str, rows: Sequence[_Row], column: str, folder: Path) -> Picture:
    path = rows[0].picture or folder / key

    def only(read: Callable[[_Row], str], what: str) -> str:
        found = list(dict.fromkeys(read(row) for row in rows))
        if len(found) > 1:
            raise DataError(f"{key} has two {what} in the table: {', '.join(map(repr, found))}.", "Give it one.")
        return found[0]

    split = only(lambda row: row.values.get("split", ""), "splits")
    if split and split.lower() not in SPLIT_WORDS:
        raise DataError(f"The table of {folder} has the unknown split {split!r}.", "Known: train, val, test.")
    group = only(lambda row: row.values.get(column, ""), "groups") if column else ""
    split = SPLIT_WORDS.get(split.lower(), "") or split_of(path.relative_to(folder).parts[:-1])
    fault = "" if rows[0].picture is not None else "no picture that lies there can be meant by it"
    if not any(_has_box(row) for row in rows):
        label = only(lambda row: row.label, "classes")
        if not label:
            return Picture(path, key, split, group, (), fault=fault or "the table gives it no class, or several")
        return Picture(path, key, split, group, (Cell(label_named(label)),), fault=fault)
    boxes = None
    if not fault:
        try:
            boxes = _boxes(key, rows, path)
        except DataError as error:
            fault = error.message
    return Picture(path, key, split, group, cells_in(boxes) if boxes else (), boxes, fault)


def _boxes(key: str, rows: Sequence[_Row], path: Path) -> Boxes:
    objects = []
    for row in rows:
        try:
            x0, y0, x1, y1 = (float(row.values[side]) for side in _BOX)
        except (KeyError, ValueError) as error:
            raise DataError(f"A box of {key} is not four numbers.", "Give xmin, ymin, xmax, ymax in pixels.") from error
        objects.append((row.label, (x0, y0, x1, y1)))
    size = None
    try:
        size = float(rows[0].values.get("width") or 0), float(rows[0].values.get("height") or 0)
    except ValueError as error:
        raise DataError(f"The size of {key} in the table is no number.", "Give width and height in pixels.") from error
    return Drawn(tuple(objects), size).boxes(key, picture_size(path))


def _ends_as_picture(name: str) -> bool:
    return any(name.strip().strip("\"'").casefold().endswith(suffix) for suffix in PICTURE_SUFFIXES)
