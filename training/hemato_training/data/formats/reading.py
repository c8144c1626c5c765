"""The user's choices for reading a folder: classes to leave out, names of class numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_training.data.formats.text_files import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

READING = "reading.json"
"""`data split` saves its choices there, so that training reads the folder in the same way."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Choices for reading a folder.

    Attributes:
        ignore: names of classes and annotated objects to leave out.
        names: names of the class numbers in YOLO rows and tables; empty if the files give them.
        listed: True if the user gave the names without their numbers.
    """

    ignore: tuple[str, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    listed: bool = False

    def over(self, kept: Reading) -> Reading:
        """This one, with its gaps filled from `kept`."""
        return Reading(self.ignore or kept.ignore, self.names or kept.names, self.listed)


def kept_reading(folder: Path) -> Reading:
    """The choices saved in the folder by `keep_reading`; empty ones if there are none.

    Raises:
        DataError: the file is damaged.
    """
    path = folder / READING
    if not path.is_file():
        return Reading()
    try:
        value = json.loads(read_text(path))
        return Reading(
            tuple(str(name) for name in value["ignore"]), {int(n): str(name) for n, name in value["names"].items()}
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged.", "Delete it and split the folder again.") from error


def keep_reading(folder: Path, reading: Reading) -> None:
    """Save the choices in the folder; empty ones remove the file.

    Raises:
        DataError: it cannot be written.
    """
    path = folder / READING
    try:
        if reading == Reading():
            path.unlink(missing_ok=True)
        else:
            named = {str(number): name for number, name in sorted(reading.names.items())}
            path.write_text(json.dumps({"ignore": list(reading.ignore), "names": named}, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}.", "Check the folder's permissions.") from error
