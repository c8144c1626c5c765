"""The level below the classes, where a data set's index has it: the column `subcode`, as PBC's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.morphology import SUBTYPES
from hemato_training.data.formats.index_csv import INDEX, read_index

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

CODES: dict[str, str] = {
    "BNE": "band",
    "SNE": "segmented",
    "PMY": "promyelocyte",
    "MY": "myelocyte",
    "MMY": "metamyelocyte",
}
"""PBC's codes (Acevedo et al. 2020) → value. The values themselves are read, too; anything else says nothing."""
_COLUMN = "subcode"


def subtypes_of(folder: Path, keys: Sequence[str]) -> NDArray[np.int64]:
    """Index of the value of each level of `morphology.SUBTYPES` for n pictures, (n, levels); -1: not known.

    Args:
        folder: of the data set.
        keys: names of the pictures within it.

    Raises:
        DataError: its index cannot be read.
    """
    known = {row["image"]: row[_COLUMN] for row in _rows(folder)}
    found = [CODES.get(code, code) for code in (known.get(key, "") for key in keys)]
    levels = [[values.index(one) if one in values else -1 for one in found] for _, values in SUBTYPES.values()]
    return np.array(levels, np.int64).reshape(len(SUBTYPES), len(keys)).T


def _rows(folder: Path) -> list[dict[str, str]]:
    if not (folder / INDEX).is_file():
        return []
    return [row for row in read_index(folder, {"image"}) if _COLUMN in row]
