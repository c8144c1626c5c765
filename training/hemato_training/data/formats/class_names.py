"""Cell names in data sets, in many spellings, and the corresponding labels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_edge.labels import (
    CELL_CLASSES,
    CLASSIFIER_LABELS,
    KIND_SPELLINGS,
    KINDS,
    PLATELET,
    PLATELET_LABEL,
    WBC,
    suggested,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def _plain(name: str) -> str:
    """Lower case, letters only, singular: "02_Immature Granulocytes" → "immaturegranulocyte"."""
    letters = re.sub(r"[^a-z]", "", name.lower())
    return letters[:-1] if letters.endswith("s") and letters not in {"eos", "bas", "ngs"} else letters


_LABELS = {_plain(spelling): one.name for one in CELL_CLASSES for spelling in (one.name, one.words, *one.aliases)}
_KINDS = {_plain(spelling): kind for kind, spellings in KIND_SPELLINGS.items() for spelling in spellings}


def find_label(name: str) -> str | None:
    """The label of `labels.CLASSIFIER_LABELS` for a class name, or None."""
    return _LABELS.get(_plain(name))


def label_named(name: str) -> str:
    """The label for a class name.

    Raises:
        DataError: there is none; names the closest label.
    """
    label = find_label(name)
    if label is None:
        raise unknown_classes([name])
    return label


def unknown_classes(names: Sequence[str]) -> DataError:
    """The error for unknown class names, each with the closest known one."""
    told = []
    for name in names:
        near = suggested(name, kinds=False)
        told.append(f"{name!r} (nearest: {near})" if near else repr(name))
    few = len(names) == 1
    leave_out = " ".join(f"--ignore {name!r}" for name in names)
    return DataError(
        f"The class{'' if few else 'es'} {', '.join(told)} {'is' if few else 'are'} none of this program's.",
        f"Rename to {', '.join(CLASSIFIER_LABELS)}, or leave out: {leave_out}.",
    )


class UnknownObjectError(DataError):
    """An annotated object with an unknown name.

    Attributes:
        name: as in the file.
    """

    def __init__(self, message: str, fix: str, name: str) -> None:
        super().__init__(message, fix)
        self.name = name


def is_among(name: str, names: Collection[str]) -> bool:
    """Whether a class is one of the given names, ignoring case."""
    return name.strip().casefold() in {one.strip().casefold() for one in names}


def kind_named(name: str) -> tuple[int, str]:
    """The locator's kind for an object's name, and its cell type.

    Returns:
        An index into `labels.KINDS`, and a label, or "" if the name only gives the kind. A nucleated red cell is of the
        kind "wbc", as in `labels`.

    Raises:
        UnknownObjectError: the name is unknown; names the closest one.
    """
    plain = _plain(name)
    if plain in _KINDS:
        return _KINDS[plain], ""
    label = _LABELS.get(plain)
    if label is None:
        raise unknown_objects([name])
    return (PLATELET if label == PLATELET_LABEL else WBC), label


def unknown_objects(names: Sequence[str]) -> UnknownObjectError:
    """The error for unknown objects, each with the closest known one, and how to leave them out."""
    told = []
    for name in names:
        near = suggested(name)
        told.append(f"{name!r} (nearest: {near})" if near else repr(name))
    few = len(names) == 1
    leave_out = " ".join(f"--ignore {name!r}" for name in names)
    return UnknownObjectError(
        f"The object{'' if few else 's'} {', '.join(told)} {'is' if few else 'are'} unknown to this program.",
        f"Rename to {', '.join(KINDS)} or a cell type ({', '.join(CLASSIFIER_LABELS)}), or leave out: {leave_out}.",
        names[0],
    )
