"""`index.csv`: which pictures a data set has, and what is said of each."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from hemato_edge.errors import DataError

INDEX = "index.csv"
BOX_COLUMNS: tuple[str, ...] = ("x0", "y0", "x1", "y1")


def read_index(folder: Path, columns: set[str]) -> list[dict[str, str]]:
    """The rows of a data set's `index.csv`.

    Raises:
        DataError: if it is missing, is no text, or lacks one of `columns`.
    """
    index = folder / INDEX
    try:
        with index.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets put a byte-order mark before it
            reader = csv.DictReader(file, restval="")
            rows = [{key: value for key, value in row.items() if key is not None} for row in reader]
            missing = columns - set(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"There is no readable index at {index}.",
            "Name the directory that holds it with --data, or make one with `hemato-edge data split`.",
        ) from error
    if missing:
        raise DataError(
            f"{index} has no column {', '.join(sorted(missing))}.",
            "Get the data set again, or make the index with `hemato-edge data split`.",
        )
    return rows


def write_index(folder: Path, rows: list[dict[str, str]]) -> Path:
    """Write `index.csv`, whole or not at all; the columns are those of the first row.

    Raises:
        DataError: if it cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    index = folder / INDEX
    temporary = folder / f".{INDEX}.partial"
    try:
        temporary.write_text(text.getvalue(), encoding="utf-8")
        temporary.replace(index)
    except OSError as error:
        raise DataError(f"{index} cannot be written: {error.strerror}.", "Check the folder's permissions.") from error
    return index


def picture_path(folder: Path, name: str) -> Path:
    """Where the picture of an index row lies: below the folder, or below its folder of images.

    Raises:
        DataError: if the name leads out of the folder.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise DataError(f"{folder / INDEX} names {name!r}, which lies outside.", "Name pictures below the folder.")
    for below in ("", "images", "JPEGImages"):
        path = folder / below / name
        if path.is_file():
            return path
    return folder / name
