"""Cells as folders of pictures: one folder a class to sort by hand and read back, and a training set."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_edge.labels import CLASSIFIER_LABELS, REVIEW_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import CellRecord, SessionRecord

INDEX = "session.json"
"""Says which session a folder of cells was taken from, so that it is read back into no other."""
TRAINING_SET = "reviewed"
"""Folder under the data directory in which `train` finds reviewed cells."""
_NAME = re.compile(r"s(\d+)-f(\d+)-c(\d+)\.jpg")
_VALIDATION_FIFTHS = 1
"""One field in five is held out."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Where a person put the picture of a cell: the label of its folder."""

    session: int
    field: int
    cell: int
    label: str


def export_cells(reader: Reader, session: SessionRecord, cells: Iterable[CellRecord], folder: Path) -> int:
    """Write the pictures of `cells` into one folder a label, and return how many; cells without a picture are left out.

    Every label gets a folder, an empty one too: a picture is relabelled by moving it.

    Raises:
        DataError: the folder is not empty, or cannot be written.
    """
    written = 0
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise DataError(f"The folder {folder} is not empty.", "Name a new one.")
        for label in REVIEW_LABELS:
            (folder / label).mkdir(parents=True)
        for cell in cells:
            portrait = reader.portrait(cell.session, cell.field, cell.number)
            if portrait is not None:
                (folder / cell.name / picture_name(cell)).write_bytes(portrait.jpeg)
                written += 1
        (folder / INDEX).write_text(json.dumps(_identity(session), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise _not_written(folder, error) from error
    return written


def read_folder(session: SessionRecord, folder: Path) -> list[Sorted]:
    """What a folder that `export_cells` wrote says now.

    Raises:
        DataError: it is of another session, a folder has a name that is no label, a picture is not one of ours, or
            one stands in two folders.
    """
    try:
        identity = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        places = sorted(path for path in folder.glob("*/*") if path.is_file() and not path.name.startswith("."))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{folder} has no readable {INDEX}.", "Name a folder that `review export` wrote.") from error
    if identity != _identity(session):
        raise DataError(
            f"{folder} was taken from another session than {session.id} of this database.",
            "Name its session with --session, and its database with --db.",
        )
    found: dict[tuple[int, int, int], Sorted] = {}
    for path in places:
        label, name = path.parent.name, _NAME.fullmatch(path.name)
        if label not in REVIEW_LABELS:
            raise DataError(f"{path.parent} is no label.", f"Known: {', '.join(REVIEW_LABELS)}.")
        if name is None:
            raise DataError(f"{path} is no picture that `review export` wrote.", "Move it elsewhere.")
        key = (int(name[1]), int(name[2]), int(name[3]))
        if key in found:
            raise DataError(f"{path.name} is in {found[key].label} and in {label}.", "Remove one of them.")
        found[key] = Sorted(*key, label)
    return list(found.values())


def export_training(reader: Reader, cells: Iterable[CellRecord], folder: Path) -> int:
    """Write the cells that a person named as a data set that `train --data FOLDER` reads, and return how many.

    Into FOLDER/reviewed go the pictures and index.csv (image, label, split). All cells of a field stand in one split,
    one field in five in "val", chosen by a hash, so that the same field always falls on the same side. Several sessions
    may go into one folder.

    Raises:
        DataError: the folder cannot be written, or its index is not one.
    """
    target = folder / TRAINING_SET
    try:
        target.mkdir(parents=True, exist_ok=True)
        rows = _training_rows(target / "index.csv")
        before = len(rows)
        for cell in cells:
            portrait = reader.portrait(cell.session, cell.field, cell.number)
            if cell.relabelled not in CLASSIFIER_LABELS or portrait is None:
                continue
            digest = hashlib.sha256(portrait.jpeg).hexdigest()[:12]
            name = f"{digest}-{picture_name(cell)}"
            (target / name).write_bytes(portrait.jpeg)
            rows[name] = {"image": name, "label": cell.relabelled, "split": _split(reader, cell)}
        with (target / "index.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, ("image", "label", "split"), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows.values())
    except OSError as error:
        raise _not_written(folder, error) from error
    return len(rows) - before


def picture_name(cell: CellRecord) -> str:
    """The file name that tells which cell of its database a picture shows."""
    return f"s{cell.session}-f{cell.field}-c{cell.number}.jpg"


def _training_rows(index: Path) -> dict[str, dict[str, str]]:
    if not index.exists():
        return {}
    problem = DataError(f"{index} is no index of reviewed cells.", "Name another folder.")
    try:
        with index.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (csv.Error, UnicodeDecodeError) as error:
        raise problem from error
    if any(set(row) != {"image", "label", "split"} or None in row.values() for row in rows):
        raise problem
    return {row["image"]: row for row in rows}


def _split(reader: Reader, cell: CellRecord) -> str:
    started = reader.session(cell.session).started_utc.isoformat()
    number = int(hashlib.sha256(f"{started} {cell.field}".encode()).hexdigest(), 16)
    return "val" if number % 5 < _VALIDATION_FIFTHS else "train"


def _identity(session: SessionRecord) -> dict[str, object]:
    return {
        "session": session.id,
        "started_utc": session.started_utc.isoformat(),
        "boot_id": session.boot_id,
        "model_sha256": session.model_sha256,
    }


def _not_written(folder: Path, error: OSError) -> DataError:
    return DataError(f"{folder} cannot be written: {error.strerror}.", "Name a folder you may write to.")
