"""Tables of morphological attributes that lie beside a data set's pictures, such as WBCAtt's of PBC.

`attributes.csv` has the columns image, split and one for each attribute (Tsutsui et al., "WBCAtt", NeurIPS 2023).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.errors import DataError
from hemato_training.data.formats.index_csv import read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

TABLE = "attributes.csv"
_NO_ATTRIBUTE = ("image", "split")


@dataclass(frozen=True, slots=True)
class AttributeTable:
    """What is said of the cells of one data set.

    Attributes:
        values: attribute → its possible values, sorted, in the order of the table's columns.
        answers: picture's name within the data set → index of the value of each attribute.
        splits: picture's name within the data set → its split.
    """

    values: dict[str, tuple[str, ...]]
    answers: dict[str, tuple[int, ...]]
    splits: dict[str, str]

    def of(self, keys: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which of n pictures the table knows, bool (n,), and their answers, (known, attributes) int64."""
        known = np.array([key in self.answers for key in keys], bool)
        answers = [self.answers[key] for key in keys if key in self.answers]
        return known, np.array(answers, np.int64).reshape(len(answers), len(self.values))


def read_attributes(folder: Path) -> AttributeTable | None:
    """The table of a data set; None where it has none.

    Raises:
        DataError: if it is no table of attributes.
    """
    path = folder / TABLE
    if not path.is_file():
        return None
    try:
        header, rows = read_rows(path)
    except csv.Error as error:
        raise DataError(f"{path} is no table ({error}).", "Get the data set again.") from error
    names = [name for name in header if name not in _NO_ATTRIBUTE]
    if not names or not rows or not set(_NO_ATTRIBUTE) <= set(header):
        raise DataError(f"{path} needs the columns image, split and attributes.", "Get the data set again.")
    values = {name: tuple(sorted({row[name] for row in rows})) for name in names}
    if any(len(own) < 2 or "" in own for own in values.values()):
        raise DataError(f"{path} has an attribute without values to choose from.", "Get the data set again.")
    answers = {row["image"]: tuple(values[name].index(row[name]) for name in names) for row in rows}
    return AttributeTable(values, answers, {row["image"]: row["split"] for row in rows})
