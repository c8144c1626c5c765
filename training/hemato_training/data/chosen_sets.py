"""Default choice of the data sets that a command works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_training.data.cell_sets import LABORATORIES, TRAINED_ON, sets_in
from hemato_training.data.formats.index_csv import INDEX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def chosen_sets(data: Path, named: Sequence[str] | None = None) -> tuple[Path, tuple[str, ...]]:
    """The directory of data sets, and the names of those to work on.

    Args:
        data: a directory with one folder per data set, or one data set with its `index.csv`.
        named: the user's choice, if any.

    Returns:
        The published sets `TRAINED_ON`, and reviewed cells, if present; else all of the user's own sets that have an
        index. If the directory is itself a data set, only that one.
    """
    if (data / INDEX).is_file():
        whole = data.resolve()
        return whole.parent, tuple(named or (whole.name,))
    if named:
        return data, tuple(named)
    if not any((data / name).is_dir() for name in TRAINED_ON):
        own = sorted(path.parent.name for path in data.glob(f"*/{INDEX}"))
        mine = tuple(name for name in own if name not in LABORATORIES or LABORATORIES[name].trainable)
        if mine:
            return data, mine
    return data, sets_in(data)
