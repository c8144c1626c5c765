"""One database takes the place of another, which is kept beside it; whatever is done is skipped when it is done again.

The new one's last name before, which ends in `.repaired` or `.restored`, is the decision: who is killed before it has
changed nothing, and what is left after it is finished by the next one who may write.
"""

from __future__ import annotations

import os
import shutil
from itertools import chain, count
from typing import TYPE_CHECKING

from hemato_edge.store.file import connect
from hemato_edge.store.file.errors import translated

if TYPE_CHECKING:
    from pathlib import Path


def name_aside(path: Path, ending: str) -> Path:
    """Where the file at `path` is kept, or is to be kept: `NAME.ending`, `NAME.ending-2` and so on."""
    first = path.with_name(path.name + ending)
    others = (first.with_name(f"{first.name}-{number}") for number in count(2))
    return next(place for place in chain([first], others) if not place.exists() or _is_one_file(path, place))


def take_place(new: Path, path: Path, aside: Path) -> None:
    """Keep the file at `path`, and its log, under another name, and put the new one at its place.

    Raises:
        StoreError: it cannot be written.
    """
    with translated(path):
        _keep_aside(path, aside)
        new.replace(path)
        connect.sync_folder(path.parent)


def _is_one_file(one: Path, other: Path) -> bool:
    return one.exists() and one.samefile(other)


def _keep_aside(path: Path, aside: Path) -> None:
    """Gives the old file, and its log, a second name, so that there is no moment without it."""
    log = connect.log_path(path)
    for old, new in ((path, aside), (log, connect.log_path(aside))):
        if old.exists() and not new.exists():
            try:
                os.link(old, new)
            except OSError:  # FAT and some others know no second name
                scratch = new.with_name(new.name + ".partial")
                shutil.copy2(old, scratch)
                scratch.rename(new)
    connect.sync_folder(path.parent)
    for leftover in (log, path.with_name(path.name + "-shm")):
        leftover.unlink(missing_ok=True)
