"""What a person says of a folder that its files do not say: which classes to leave out, what the numbers mean."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_training.data.text_files import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

READING = "reading.json"
"""`data split` keeps there what it was told, so that training reads the folder in the same way."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a folder is to be read.

    Attributes:
        ignore: names of classes and drawn objects to leave out.
        names: what the numbers of YOLO rows and of tables mean; empty where the files say it.
    """

    ignore: tuple[str, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)

    def over(self, kept: Reading) -> Reading:
        """This one, with what it leaves open as in `kept`."""
        return Reading(self.ignore or kept.ignore, self.names or kept.names)


def kept_reading(folder: Path) -> Reading:
    """What `keep_reading` wrote into the folder; an empty one where it wrote nothing.

    Raises:
        DataError: if the file is damaged.
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
    """Write the reading into the folder; an empty one removes what is there.

    Raises:
        DataError: if it cannot be written.
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
