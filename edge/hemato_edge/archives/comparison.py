"""Two analyses of the same sources: which names changed, the differential, and which is right more often.

Intervals are 95 %, by the bootstrap over whole sources: the cells of one slide have the same stain and the same light.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.archives.matching import match_folders
from hemato_edge.archives.parquet import read_table, terms_in
from hemato_edge.archives.rows import UNNAMED
from hemato_edge.evidence.bootstrap import interval, resample
from hemato_edge.evidence.paired import Paired, paired
from hemato_edge.labels import CLASSIFIER_LABELS, LEUKOCYTES, UNCLASSIFIED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.archives.matching import Matched, WhiteCell
    from hemato_edge.evidence.bootstrap import Interval

NAMES = (*CLASSIFIER_LABELS, UNCLASSIFIED, UNNAMED)
BY_SOURCE, BY_FIELD = "source", "field"
"""What is drawn whole in the bootstrap: sources, or, where there is one only, its fields."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one name.

    Attributes:
        name: of the class, "unclassified", or "unnamed".
        before, now: cells with it.
        lost, gained: cells that had it and have another one now, and the other way round.
        percent_before, percent_now: of the differential; None for what is no part of it, or where it is empty.
        difference: of these, in percentage points.
        interval: of the difference; None where there is but one group.
    """

    name: str
    before: int
    now: int
    lost: int
    gained: int
    percent_before: float | None
    percent_now: float | None
    difference: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Both models on the cells that a person named. These are mostly the doubtful ones: no figure for all cells.

    Attributes:
        right_before, right_now: cells that the model named as the person did.
        of_class: class → cells, right before, right now.
        paired: McNemar's test, and the difference in accuracy with its interval.
    """

    right_before: int
    right_now: int
    of_class: dict[str, tuple[int, int, int]]
    paired: Paired


@dataclass(frozen=True, slots=True)
class Comparison:
    """See the module.

    Attributes:
        before, now: the terms of the two analyses.
        matched: the cells that both found, and what only one has.
        grouped_by, groups: `BY_SOURCE` or `BY_FIELD`, and how many.
        cells: white cells that both found.
        changed: of them, those with another name; as a share, and its interval.
        classes: each name.
        moves: name before, name now, cells; the most frequent first.
        reviewed: None where nobody named a cell.
    """

    before: dict[str, object]
    now: dict[str, object]
    matched: Matched
    grouped_by: str
    groups: int
    cells: int
    changed: int
    changed_share: float | None
    changed_interval: Interval | None
    classes: tuple[Change, ...]
    moves: tuple[tuple[str, str, int], ...]
    reviewed: Reviewed | None

    def as_json(self) -> dict[str, object]:
        """As plain JSON values; of the cells only their numbers."""
        matched = {name: getattr(self.matched, name) for name in self.matched.__slots__ if name != "pairs"}
        names = [name for name in self.__slots__ if name not in ("matched", "classes", "reviewed")]
        return {
            **{name: getattr(self, name) for name in names},
            **matched,
            "classes": [asdict(one) for one in self.classes],
            "reviewed": None if self.reviewed is None else asdict(self.reviewed),
        }


def compare(before: Path, now: Path) -> Comparison:
    """Compare two output folders.

    Raises:
        ArchiveError: see `match_folders`.
        MissingExtraError: pyarrow is not installed.
    """
    matched = match_folders(before, now)
    pairs = matched.pairs
    grouped_by = BY_SOURCE if len({one.source for one, _ in pairs}) > 1 else BY_FIELD
    names = [one.source if grouped_by == BY_SOURCE else f"{one.source}/{one.picture}/{one.field}" for one, _ in pairs]
    groups, place = np.unique(np.array(names, np.str_), return_inverse=True)
    counted = _Counted(pairs, place.reshape(-1), len(groups))
    share = counted.changed.sum() / len(pairs) if pairs else None
    terms_before, terms_now = (terms_in(read_table(folder, "counts", ("source",))) for folder in (before, now))
    return Comparison(
        before=terms_before,
        now=terms_now,
        matched=matched,
        grouped_by=grouped_by,
        groups=len(groups),
        cells=len(pairs),
        changed=int(counted.changed.sum()),
        changed_share=None if share is None else float(share),
        changed_interval=counted.interval(counted.changed, counted.before.sum(axis=1)),
        classes=tuple(counted.change(index) for index in range(len(NAMES))),
        moves=_moves(pairs),
        reviewed=_reviewed(pairs, names),
    )


class _Counted:
    """Cells by group and name, before and now: (groups, names)."""

    def __init__(self, pairs: Sequence[tuple[WhiteCell, WhiteCell]], place: NDArray[np.intp], groups: int) -> None:
        self.before, self.now = (np.zeros((groups, len(NAMES))) for _ in range(2))
        self.kept, self.changed = np.zeros((groups, len(NAMES))), np.zeros(groups)
        at = {name: index for index, name in enumerate(NAMES)}
        for group, (first, second) in zip(place, pairs, strict=True):
            self.before[group, at[first.label]] += 1
            self.now[group, at[second.label]] += 1
            if first.label == second.label:
                self.kept[group, at[first.label]] += 1
            else:
                self.changed[group] += 1
        draws = resample(np.arange(groups).astype(np.str_), np.full(groups, "all"))
        self._draws = draws.astype(np.float64) if groups > 1 else None
        self._white = [at[name] for name in LEUKOCYTES]

    def interval(self, part: NDArray[np.float64], whole: NDArray[np.float64]) -> Interval | None:
        """Of a share, from its parts by group (groups,)."""
        if self._draws is None:
            return None
        return interval(_ratio(self._draws @ part, self._draws @ whole))

    def change(self, index: int) -> Change:
        """What became of one name."""
        before, now, kept = (int(one[:, index].sum()) for one in (self.before, self.now, self.kept))
        told = NAMES[index], before, now, before - kept, now - kept
        if index not in self._white or not self._any():
            return Change(*told, None, None, None, None)
        first, second = (float(100 * one[:, index].sum() / one[:, self._white].sum()) for one in self._both())
        return Change(*told, first, second, second - first, self._bounds(index))

    def _both(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.before, self.now

    def _any(self) -> bool:
        return all(one[:, self._white].sum() > 0 for one in self._both())

    def _bounds(self, index: int) -> Interval | None:
        if self._draws is None:
            return None
        first, second = (
            _ratio(self._draws @ one[:, index], self._draws @ one[:, self._white].sum(axis=1)) for one in self._both()
        )
        return interval(100 * (second - first))


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def _moves(pairs: Sequence[tuple[WhiteCell, WhiteCell]]) -> tuple[tuple[str, str, int], ...]:
    found = Counter((first.label, second.label) for first, second in pairs if first.label != second.label)
    ordered = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return tuple((before, now, cells) for (before, now), cells in ordered)


def _reviewed(pairs: Sequence[tuple[WhiteCell, WhiteCell]], groups: Sequence[str]) -> Reviewed | None:
    known = [
        (first, second, group)
        for (first, second), group in zip(pairs, groups, strict=True)
        if second.reviewed in CLASSIFIER_LABELS
    ]
    if not known:
        return None
    before = np.array([first.label == second.reviewed for first, second, _ in known])
    now = np.array([second.label == second.reviewed for _, second, _ in known])
    truth = np.array([second.reviewed for _, second, _ in known], np.str_)
    of_class = {
        name: (int(own.sum()), int(before[own].sum()), int(now[own].sum()))
        for name in CLASSIFIER_LABELS
        if (own := truth == name).any()
    }
    found = paired(before, now, np.array([group for *_, group in known], np.str_), np.full(len(known), "all"))
    return Reviewed(int(before.sum()), int(now.sum()), of_class, found)
