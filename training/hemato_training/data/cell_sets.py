"""Readers of the labelled data sets.

Each reader turns a data set's index into `Record`s: one cell each, with its laboratory and the group that must stay in
one split (a picture, or the field shared by overlapping pictures). Any other folder is a laboratory of that name,
once `hemato-edge data split` has given it an index.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_edge.labels import CLASSIFIER_LABELS, WBC
from hemato_training.data.formats.annotations import read_voc, read_yolo
from hemato_training.data.formats.folders import read_folder
from hemato_training.data.formats.index_csv import INDEX, read_index
from hemato_training.data.pictures import picture_size
from hemato_training.data.records import SPLITS, Record, refuse_leaks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

RAABIN_TYPES = "raabin_fields_expert_labels.csv"
"""The experts' cell types for `raabin_fields`; included with `raabin_typed`."""


@dataclass(frozen=True, slots=True)
class Laboratory:
    """A data set that can be read.

    Attributes:
        name: its folder under the data directory.
        title: name for the user.
        licence: SPDX name.
        attribution: whom to credit.
        trainable: False for a set used only for evaluation.
        read: its reader; takes the folder, raises `DataError`.
    """

    name: str
    title: str
    licence: str
    attribution: str
    trainable: bool
    read: Callable[[Path], list[Record]]


def read_class_folders(folder: Path, laboratory: str) -> list[Record]:
    """A set of single-cell pictures whose `index.csv` has the columns image, label, split, and optionally group.

    Raises:
        DataError: the index is missing, lacks a column, or has an unknown label or split, or a missing picture.
    """
    records = []
    for row in read_index(folder, {"image", "label", "split"}):
        name = row["image"]
        group = f"{laboratory}/{row.get('group') or name}"
        records.append(Record(folder / name, row["label"], laboratory, group, row["split"], name))
    _check_records(records, folder)
    return records


def read_bccd(folder: Path) -> list[Record]:
    """BCCD: fields of view with Pascal VOC boxes; the index adds white-cell subtypes, field and split.

    Subtypes are given per picture, so a box can be classified only in a picture with exactly one subtype and exactly
    one valid white-cell box; other pictures are skipped, and degenerate boxes ignored.

    Raises:
        DataError: as `read_class_folders`, and if an annotation is missing or unreadable.
    """
    if folder.is_dir() and not (folder / "annotations").is_dir():
        return read_any(folder, "bccd")  # as published
    records = []
    for row in read_index(folder, {"image", "field", "split", "subtypes"}):
        subtypes = [name for name in row["subtypes"].split("|") if name]
        name = row["image"]
        if len(subtypes) != 1:
            continue
        boxes = read_voc(folder / "annotations" / f"{Path(name).stem}.xml").of_kind(WBC)
        if len(boxes) == 1:
            group, label = f"bccd/field {row['field']}", subtypes[0].lower()
            x0, y0, x1, y1 = (float(side) for side in boxes[0])
            records.append(Record(folder / "images" / name, label, "bccd", group, row["split"], name, (x0, y0, x1, y1)))
    _check_records(records, folder)
    return records


def read_any(folder: Path, laboratory: str) -> list[Record]:
    """The classified cells of any folder that has an index with splits, whatever its layout.

    Pictures without a classified cell, such as fields without white-cell types, are skipped.

    Raises:
        DataError: there is no index, a picture or its annotation is unavailable, or no cell is classified.
    """
    if not (folder / INDEX).is_file():
        raise DataError(
            f"{folder} has no {INDEX}, so it has no training split.",
            f"Type `hemato-edge data split {folder}`.",
        )
    records = []
    for picture in read_folder(folder).pictures:
        if picture.fault:
            raise DataError(f"{folder / picture.name}: {picture.fault}.", f"Type `hemato-edge data check {folder}`.")
        group = f"{laboratory}/{picture.group or picture.name}"
        for cell in picture.cells:
            records.append(Record(picture.path, cell.label, laboratory, group, picture.split, picture.name, cell.box))
    _check_records(records, folder)
    return records


def read_raabin_fields(folder: Path) -> list[Record]:
    """White cells of the Raabin fields: boxes from there, types from two experts.

    The fields come without types; the table that comes with the typed cells gives them by picture, so a box can be
    classified only in a picture with exactly one.

    Raises:
        DataError: as `read_class_folders`, and if the experts' table or an annotation is missing.
    """
    splits = {row["image"]: row["split"] for row in read_index(folder, {"image", "split"})}
    table = folder.parent / "raabin_typed" / RAABIN_TYPES
    if not table.is_file():
        raise DataError(f"The experts' types are missing: there is no {table}.", "Get the data set again.")
    records = []
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name, path = row["image"], folder / "images" / row["image"]
            if name not in splits:
                raise DataError(f"{folder} lacks the picture {name}.", "Get the data set again.")
            boxes = read_yolo(folder / "labels" / f"{path.stem}.txt", *picture_size(path)).of_kind(WBC)
            if len(boxes) == 1:
                x0, y0, x1, y1 = (float(side) for side in boxes[0])
                label, group = row["expert_label"], f"raabin_fields/{name}"
                records.append(Record(path, label, "raabin_fields", group, splits[name], name, (x0, y0, x1, y1)))
    _check_records(records, folder)
    return records


def read_slides(folder: Path, laboratory: str) -> list[Record]:
    """A set of single-cell pictures whose `index.csv` has the columns image, label, slide and split.

    The slide is the group, unless the index itself divides it (as one patient's slide in Raabin, which has all
    basophils); then the pictures of one field form a group.

    Raises:
        DataError: as `read_class_folders`.
    """
    rows = read_index(folder, {"image", "label", "slide", "field", "split"})
    splits: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        splits[row["slide"]].add(row["split"])
    records = []
    for row in rows:
        own = row["slide"] if len(splits[row["slide"]]) == 1 else f"{row['slide']}/{row['field']}"
        name = row["image"]
        records.append(Record(folder / name, row["label"], laboratory, f"{laboratory}/{own}", row["split"], name))
    _check_records(records, folder)
    return records


def read_judged_only(folder: Path, laboratory: str) -> list[Record]:
    """A set of single-cell pictures whose `index.csv` has the columns image and label, for evaluation only.

    Raises:
        DataError: as `read_class_folders`.
    """
    rows = read_index(folder, {"image", "label"})
    names = [row["image"] for row in rows]
    records = [
        Record(folder / name, row["label"], laboratory, f"{laboratory}/{name}", "val", name)
        for name, row in zip(names, rows, strict=True)
    ]
    _check_records(records, folder)
    return records


def _reader(name: str) -> Callable[[Path], list[Record]]:
    return lambda folder: read_class_folders(folder, name)


LABORATORIES: dict[str, Laboratory] = {
    "pbc": Laboratory(
        "pbc", "PBC, Hospital Clínic Barcelona", "CC-BY-4.0", "PBC data set, Acevedo et al. 2020", True, _reader("pbc")
    ),
    "bccd": Laboratory("bccd", "BCCD", "MIT", "BCCD data set (cosmicad, akshaylamba, Shenggan)", True, read_bccd),
    "raabin_fields": Laboratory(
        "raabin_fields",
        "Raabin, fields",
        "MIT",
        "TXL-PBC data set; types: Raabin-WBC data set, Kouzehkanan et al. 2022",
        True,
        read_raabin_fields,
    ),
    "raabin_typed": Laboratory(
        "raabin_typed",
        "Raabin, single cells",
        "LicenseRef-free-for-research",
        "Raabin-WBC data set, Kouzehkanan et al. 2022",
        True,
        lambda folder: read_slides(folder, "raabin_typed"),
    ),
    "moticam": Laboratory(
        "moticam",
        "Moticam, rapid stain",
        "GPL-3.0",
        "segmentation_WBC data set 1, Zheng et al. 2018",
        False,
        _reader("moticam"),
    ),
    "isfahan": Laboratory(
        "isfahan",
        "MISP, two hospitals in Isfahan",
        "LicenseRef-not-stated",
        "MISP data set, Isfahan",
        False,
        lambda folder: read_judged_only(folder, "isfahan"),
    ),
    "reviewed": Laboratory(
        "reviewed", "Cells named in review", "the owner's", "the owner of the slides", True, _reader("reviewed")
    ),
}
"""The known data sets. `moticam` and `isfahan` measure generalisation: they are never trained on. `reviewed` is
written by `hemato-edge review training-set`."""
TRAINED_ON: tuple[str, ...] = ("pbc", "bccd")
"""The default training sets."""
REVIEWED = "reviewed"
"""The set of reviewed cells."""


def sets_in(data: Path) -> tuple[str, ...]:
    """The default training sets: the published ones, or, if there are reviewed cells, all that are present."""
    if (data / REVIEWED).is_dir():
        return tuple(name for name in (*TRAINED_ON, REVIEWED) if (data / name).is_dir())
    return TRAINED_ON


def titled(titles: Iterable[str]) -> tuple[str, ...]:
    """The names of the laboratories with these titles, as a model's card lists what it was trained on."""
    wanted = set(titles)
    return tuple(name for name, laboratory in LABORATORIES.items() if laboratory.title in wanted)


def laboratory_named(name: str) -> Laboratory:
    """The known data set of this name, or a user's own laboratory, read from its folder."""
    own = Laboratory(name, name, "LicenseRef-unknown", name, True, lambda folder: read_any(folder, name))
    return LABORATORIES.get(name, own)


def load(data: Path, laboratories: Sequence[str] = ("pbc", "bccd")) -> list[Record]:
    """All records of the named laboratories, checked for leakage.

    Args:
        data: directory with one folder per laboratory.
        laboratories: keys of `LABORATORIES`, or names of folders that have an index.

    Raises:
        DataError: a laboratory's data are missing or malformed, or there is leakage.
    """
    if not data.is_dir():
        raise DataError(
            f"There is no data directory at {data}.", "Name it with --data; CONTRIBUTING.md describes its layout."
        )
    records: list[Record] = []
    for name in laboratories:
        if name not in LABORATORIES and not (data / name).is_dir():
            there = ", ".join(sorted(path.name for path in data.iterdir() if path.is_dir()))
            raise DataError(f"There is no data set {name!r} in {data}.", f"There: {there or 'no folder at all'}.")
        records += laboratory_named(name).read(data / name)
    refuse_leaks(records)
    return records


def _check_records(records: Sequence[Record], folder: Path) -> None:
    if not records:
        raise DataError(f"The index in {folder} names no usable cell.", "Get the data set again.")
    for record in records:
        if record.label not in CLASSIFIER_LABELS:
            raise DataError(
                f"{record.key} in {folder} has the unknown label {record.label!r}.",
                f"Known: {', '.join(CLASSIFIER_LABELS)}.",
            )
        if not record.split:
            raise DataError(f"{record.key} in {folder} has no split.", f"Type `hemato-edge data split {folder}`.")
        if record.split not in SPLITS:
            raise DataError(
                f"{record.key} in {folder} has the unknown split {record.split!r}.", f"Known: {', '.join(SPLITS)}."
            )
        if not record.path.is_file():
            raise DataError(f"{record.path} is in the index but not there.", "Get the data set again.")
