"""Records and their splits, and the check that no picture and no group is in two splits."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hemato_edge.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

SPLITS: tuple[str, ...] = ("train", "val", "test")
"""Names of splits. `test` is read and checked for leakage, and never used in training."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Something assigned to a split.

    Attributes:
        path: the picture.
        label: one of `labels.CLASSIFIER_LABELS`, or empty for a whole field.
        laboratory: the data set it comes from; pictures of one laboratory share stain and scale.
        group: records of one group must stay in one split.
        split: one of `SPLITS`.
        key: the picture's name within its data set, the same on every machine.
    """

    path: Path
    label: str
    laboratory: str
    group: str
    split: str
    key: str


@dataclass(frozen=True, slots=True)
class Record(Placed):
    """One labelled cell.

    Attributes:
        box: x0 y0 x1 y1 of the cell in pixels, or None for an unannotated picture of one cell.
    """

    box: tuple[float, float, float, float] | None = None


AnyPlaced = TypeVar("AnyPlaced", bound=Placed)


def refuse_leaks(records: Iterable[Placed]) -> None:
    """Check that no group and no identical file is in two splits.

    Raises:
        DataError: names the first violation.
    """
    groups: dict[str, tuple[str, str]] = {}
    contents: dict[str, tuple[str, str]] = {}
    seen: set[Path] = set()
    for record in records:
        split, key = groups.setdefault(record.group, (record.split, record.key))
        if split != record.split:
            raise DataError(
                f"{record.key} ({record.split}) and {key} ({split}) belong to one group, {record.group}.",
                "Put the whole group into one split in index.csv.",
            )
        if record.path in seen:
            continue
        seen.add(record.path)
        digest = hashlib.sha256(record.path.read_bytes()).hexdigest()
        split, key = contents.setdefault(digest, (record.split, record.key))
        if split != record.split:
            raise DataError(
                f"{record.key} ({record.split}) and {key} ({split}) are the same picture.",
                "Keep one of them, or put both into one split in index.csv.",
            )


def split_hash(records: Iterable[Placed]) -> str:
    """SHA-256 over the sorted lines "path,label,split": identical for the same split on every machine."""
    lines = sorted(f"{r.laboratory}/{r.key},{r.label},{r.split}" for r in records)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def in_split(records: Iterable[AnyPlaced], split: str) -> list[AnyPlaced]:
    """The records of one split."""
    return [r for r in records if r.split == split]


def by_laboratory(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Laboratory → its records, in the order of their first record."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[record.laboratory].append(record)
    return dict(found)


def thin(records: Sequence[AnyPlaced], per_class: int) -> list[AnyPlaced]:
    """At most `per_class` records of each laboratory, class and split, spread evenly over the index."""
    strata: dict[tuple[str, str, str], list[AnyPlaced]] = defaultdict(list)
    for record in records:
        strata[record.laboratory, record.label, record.split].append(record)
    kept: list[AnyPlaced] = []
    for group in strata.values():
        step = max(1.0, len(group) / per_class)
        kept += [group[int(i * step)] for i in range(min(per_class, len(group)))]
    return kept
