"""Cross-validation: cells dealt into parts of about equal size, groups kept whole and classes even."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from hemato_edge.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hemato_training.data.records import Record


def parsed(fold: str) -> tuple[int, int]:
    """The part that is held out, from 1, and the number of parts: 2, 5 for "2/5".

    Raises:
        ConfigurationError: it is no such part.
    """
    part, _, parts = fold.partition("/")
    if not (part.isdigit() and parts.isdigit() and int(parts) >= 2 and 1 <= int(part) <= int(parts)):
        raise ConfigurationError(f"{fold!r} is no part of a cross-validation.", "Write --fold 1/5, 2/5 and so on.")
    return int(part), int(parts)


def in_fold(records: Sequence[Record], fold: str, seed: int) -> list[Record]:
    """The records with another split: one part is validation, the others are training; `test` stays as it is.

    Cells of one group, such as a slide, a field or the copies of one original that `data split` has found, are in one
    part; laboratories and classes are as even as whole groups allow (StratifiedGroupKFold of scikit-learn).

    Args:
        records: of all splits.
        fold: such as "2/5".
        seed: of the deal; all parts of one cross-validation have the same.

    Raises:
        ConfigurationError: `fold` is no such part.
        DataError: there are fewer groups than parts.
    """
    part, parts = parsed(fold)
    dealt = [one for one in records if one.split in ("train", "val")]
    groups = np.array([one.group for one in dealt], np.str_)
    if len(np.unique(groups)) < parts:
        raise DataError(f"{len(np.unique(groups))} groups cannot be dealt into {parts} parts.", "Choose fewer --folds.")
    strata = np.array([f"{one.laboratory}/{one.label}" for one in dealt], np.str_)
    deal = StratifiedGroupKFold(parts, shuffle=True, random_state=seed).split(groups, strata, groups)
    _, held_out = list(deal)[part - 1]
    chosen = set(held_out.tolist())
    moved = [replace(one, split="val" if i in chosen else "train") for i, one in enumerate(dealt)]
    return [*moved, *(one for one in records if one.split not in ("train", "val"))]
