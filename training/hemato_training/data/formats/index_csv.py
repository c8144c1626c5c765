"""`index.csv`: the pictures of a data set, and their labels."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from hemato_edge.errors import DataError
from hemato_edge.escaped import as_utf8
from hemato_training.data.formats.picture_names import plain_path
from hemato_training.data.formats.text_files import read_text

INDEX = "index.csv"
SEPARATORS = ",;\t|"
BOX_COLUMNS: tuple[str, ...] = ("x0", "y0", "x1", "y1")


def read_index(folder: Path, columns: set[str]) -> list[dict[str, str]]:
    """The rows of a data set's `index.csv`, in any dialect that spreadsheets write.

    Raises:
        DataError: it is missing, is no text, or lacks one of `columns`.
    """
    index = folder / INDEX
    try:
        header, rows = read_rows(index)
    except (DataError, csv.Error) as error:
        raise DataError(
            f"There is no readable index at {index}.",
            "Name the directory that holds it with --data, or make one with `hemato-edge data split`.",
        ) from error
    missing = columns - set(header)
    if missing:
        raise DataError(
            f"{index} has no column {', '.join(sorted(missing))}.",
            "Get the data set again, or make the index with `hemato-edge data split`.",
        )
    return rows


def read_rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Header and rows of a table, whatever its separator: comma, semicolon, tab, bar or blanks.

    Raises:
        DataError: the file cannot be read.
        csv.Error: it is no table.
    """
    text = read_text(path)
    if text[:4].lower() == "sep=":  # Excel's own first line
        text = text.partition("\n")[2]
    separator = _separator(text)
    if separator is None:
        text, separator = re.sub(r"[ \t]+", "\t", re.sub(r"(?m)^[ \t]+|[ \t]+$", "", text)), "\t"
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="", delimiter=separator, skipinitialspace=True)
    rows = [{key.strip(): value or "" for key, value in row.items() if key is not None} for row in reader]
    return [name.strip() for name in reader.fieldnames or ()], rows


def _separator(text: str) -> str | None:
    """The separator that splits the first lines into the most columns, equally many in each; None for blanks."""
    lines = [line for line in text.splitlines() if line.strip()][:20]
    best, most = None, 1
    for character in SEPARATORS:
        counts = {len(row) for row in csv.reader(lines, delimiter=character, skipinitialspace=True)}
        if min(counts, default=1) > most and (len(counts) == 1 or best is None):
            best, most = character, min(counts)
    return best


def write_index(folder: Path, rows: list[dict[str, str]]) -> Path:
    """Write `index.csv` atomically; the columns are those of the first row.

    Raises:
        DataError: it cannot be written, or a name is no UTF-8.
    """
    for name in (value for row in rows for value in row.values() if value != as_utf8(value)):
        raise DataError(f"The name {as_utf8(name)} in {folder} is no UTF-8, and a table cannot hold it.", "Rename it.")
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
    """Path of the picture of an index row: below the folder, or below its folder of images.

    Raises:
        DataError: the name leads out of the folder.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise DataError(f"{folder / INDEX} names {name!r}, which lies outside.", "Name pictures below the folder.")
    for spelling in dict.fromkeys((name, plain_path(name))):  # Windows writes the other slash
        for below in ("", "images", "JPEGImages"):
            path = folder / below / spelling
            if path.is_file():
                return path
    return folder / name
