"""A laboratory counter: one key a cell, undo, and a record on disk that is as new as the screen.

The record is a CSV file with a row for each key, undone ones included; a tally goes on where its file ends.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import IO, TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_edge.labels import BY_NAME, LEUKOCYTES, UNCLASSIFIED
from hemato_edge.output_files import OutputError
from hemato_edge.store.records import Totals

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("utc", "who", "label", "session", "field", "cell")
UNDO = "undo"
"""Stands in the column `label` of a row that takes the last standing cell back."""
Place = tuple[int, int, int]
"""Session, field and number of a stored cell."""
_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of a tally.

    Attributes:
        label: its class.
        place: which stored cell it is; None for one that was seen in the eyepiece.
    """

    label: str
    place: Place | None = None


class Tally:
    """A tally and its file. A context manager.

    Args:
        file: the record; made if it is not there.
        who: counts.

    Raises:
        DataError: the file is no tally.
        OutputError: it cannot be written.
    """

    def __init__(self, file: Path, who: str) -> None:
        self._who = who
        self.file = file
        new = not file.exists() or file.stat().st_size == 0
        self.entries: list[Entry] = [] if new else read_tally(file)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._stream: IO[str] = file.open("a", encoding="utf-8", newline="")
            if not new:  # an unfinished row was never shown
                self._stream.truncate(file.read_bytes().rfind(b"\n") + 1)
        except OSError as error:
            raise OutputError(f"{file} cannot be written: {error.strerror}.", "Name another file.") from error
        self._rows = csv.writer(self._stream)
        if new:
            self._write(COLUMNS)

    def count(self, label: str, place: Place | None = None) -> None:
        """One cell more. When this returns, it is on disk.

        Raises:
            OutputError: it cannot be written; it is not counted then.
        """
        self._note(label, place)
        self.entries.append(Entry(label, place))

    def undo(self) -> Entry | None:
        """Takes the last cell back; None where there is none."""
        if not self.entries:
            return None
        last = self.entries[-1]
        self._note(UNDO, last.place)
        return self.entries.pop()

    @property
    def labels(self) -> dict[str, int]:
        """Label → cells."""
        return dict(Counter(entry.label for entry in self.entries))

    @property
    def white(self) -> int:
        """White cells with a class; nucleated red cells are counted outside of them."""
        return sum(entry.label in LEUKOCYTES for entry in self.entries)

    def totals(self) -> Totals:
        """The counts as those of a session, so that they are shown alike."""
        labels = self.labels
        whites = self.white + labels.get(UNCLASSIFIED, 0)
        return Totals(
            session=0, fields=0, frames=0, wbc=whites, rbc=0, platelet=0, labels=labels, rejected={}, dropped=0,
            skipped={}, reviewed=labels,
        )  # fmt: skip

    def close(self) -> None:
        """Closes the file."""
        self._stream.close()

    def __enter__(self) -> Tally:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _note(self, label: str, place: Place | None) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        self._write((now, self._who, label, *(place or ("", "", ""))))

    def _write(self, row: tuple[object, ...]) -> None:
        try:
            self._rows.writerow(row)
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise OutputError(f"{self.file} cannot be written: {error.strerror}.", "Free some room.") from error


def read_tally(file: Path) -> list[Entry]:
    """The cells that stand in a tally's file.

    A last row that a power cut left unfinished is left out.

    Raises:
        DataError: it is no tally.
    """
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise DataError(f"{file} is too large to be a tally.", "Name another file.")
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read as a tally.", "Name another file.") from error
    whole = text[: text.rfind("\n") + 1]
    rows = list(csv.reader(whole.splitlines()))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise DataError(f"{file} is no tally.", "Name another file, or a new one.")
    entries: list[Entry] = []
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(COLUMNS) or (row[2] != UNDO and row[2] not in BY_NAME):
            raise DataError(f"{file}, row {number} is no row of a tally.", "Correct it, or name another file.")
        if row[2] == UNDO:
            entries = entries[:-1]
        else:
            place = [int(text) for text in row[3:] if text.isdecimal()]
            entries.append(Entry(row[2], (place[0], place[1], place[2]) if len(place) == 3 else None))
    return entries
