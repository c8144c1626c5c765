"""Pictures named as one white cell that show none: augmented sets shift and zoom cells out of their pictures.

Both of the device's locators look at each, and a picture is empty where neither sees a cell. The least score that
counts is far under the one that cells are reported with, so that what is hard to see is not left out: of 882 cells of
five laboratories (parts of pbc, raabin_typed, moticam, isfahan and taleqani) each has it, and of 120 quarters of
bccd's fields that have no box of a white cell 115 are found to be empty.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hemato_edge.errors import HematoEdgeError
from hemato_edge.labels import PLATELET_LABEL, WBC
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import load_locator
from hemato_training.data.crops import cache_key
from hemato_training.data.pictures import read_picture
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hemato_training.data.records import Record
    from hemato_training.progress import Reporter

LEAST_SCORE = 0.1


def show_none(paths: Sequence[Path], reporter: Reporter | None = None) -> list[int]:
    """Which of the pictures show no white cell, in order; one that cannot be read is not among them.

    Raises:
        ModelError: the locator that ships cannot be loaded.
    """
    locators = load_locator(min_score=LEAST_SCORE), load_locator("opencv", min_score=LEAST_SCORE)
    empty = []
    for i, path in enumerate((reporter or Silent()).track(paths, "looking for white cells", len(paths))):
        try:
            view = FieldView(read_picture(path))
            if not any((locator.locate(view).kinds == WBC).any() for locator in locators):
                empty.append(i)
        except HematoEdgeError:  # told where the picture is read for its crop
            continue
    return empty


def without_empty(
    records: Sequence[Record], cache: Path, reporter: Reporter | None = None
) -> tuple[list[Record], list[Record]]:
    """The records whose pictures show a cell, and those that are left out since theirs show no white one.

    Only pictures without a box are looked at, and none that is named a platelet. What was found is kept in `cache`.

    Args:
        records: cells to learn from.
        cache: folder.
        reporter: for progress.
    """
    asked = [one for one in records if one.box is None and one.label != PLATELET_LABEL]
    if not asked:
        return list(records), []
    path = cache / f"empty-{cache_key(asked, LEAST_SCORE)}.json"
    if path.is_file():
        empty = set(json.loads(path.read_text()))
    else:
        empty = {f"{asked[i].laboratory}/{asked[i].key}" for i in show_none([one.path for one in asked], reporter)}
        cache.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(sorted(empty)))
    gone = {id(one) for one in asked if f"{one.laboratory}/{one.key}" in empty}
    kept, left_out = [one for one in records if id(one) not in gone], [one for one in asked if id(one) in gone]
    return kept, left_out
