"""The same white cells in two analyses: by their boxes, so that another locator's are found, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.archives.parquet import read_table
from hemato_edge.archives.rows import UNNAMED
from hemato_edge.archives.sources import PICTURES
from hemato_edge.errors import ArchiveError
from hemato_edge.labels import KINDS, WBC

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SAME_CELL = 0.5
"""Least overlap (intersection over union) of two boxes of one cell, the field's usual limit (PASCAL VOC 2007)."""
_COLUMNS = (
    *("source", "field", "cell", "picture", "kind", "x0", "y0", "x1", "y1"),
    *("label", "confidence", "reviewed"),
)


@dataclass(frozen=True, slots=True)
class WhiteCell:
    """A white cell of one analysis; `label` is `UNNAMED` where it got no name."""

    source: str
    field: int
    cell: int
    picture: str
    box: tuple[float, float, float, float]
    label: str
    confidence: float | None
    reviewed: str | None


@dataclass(frozen=True, slots=True)
class Matched:
    """Two analyses side by side, of the sources that both have.

    Attributes:
        pairs: a cell before and now.
        only_before, only_now: white cells that the other analysis has not found.
        sources: that both have.
        sources_before, sources_now: that the other one has not.
    """

    pairs: list[tuple[WhiteCell, WhiteCell]]
    only_before: int
    only_now: int
    sources: int
    sources_before: int
    sources_now: int


def match_folders(before: Path, now: Path) -> Matched:
    """The white cells of two output folders.

    Raises:
        ArchiveError: a folder holds no finished analysis, or they share no source.
    """
    kinds_before, kinds_now = _kinds(before), _kinds(now)
    common = kinds_before.keys() & kinds_now.keys()
    if not common:
        raise ArchiveError(
            f"{before} and {now} have no source in common.", "Analyse the same files or sessions, by the same paths."
        )
    first, second = (_by_field(_white_cells(folder, common), kinds_now) for folder in (before, now))
    pairs: list[tuple[WhiteCell, WhiteCell]] = []
    for place in sorted(first.keys() & second.keys()):
        pairs += _paired(first[place], second[place])
    return Matched(
        pairs,
        only_before=sum(map(len, first.values())) - len(pairs),
        only_now=sum(map(len, second.values())) - len(pairs),
        sources=len(common),
        sources_before=len(kinds_before.keys() - common),
        sources_now=len(kinds_now.keys() - common),
    )


def _kinds(folder: Path) -> dict[str, str]:
    table = read_table(folder, "counts", ("source", "kind"))
    return dict(zip(table["source"].to_pylist(), table["kind"].to_pylist(), strict=True))


def _white_cells(folder: Path, sources: Iterable[str]) -> Iterable[WhiteCell]:
    table = read_table(folder, "cells", _COLUMNS, white=KINDS[WBC], sources=sorted(sources))
    columns: dict[str, list[Any]] = {name: table[name].to_pylist() for name in _COLUMNS}
    for row in zip(*columns.values(), strict=True):
        source, field, cell, picture, _, x0, y0, x1, y1, label, confidence, reviewed = row
        yield WhiteCell(source, field, cell, picture, (x0, y0, x1, y1), label or UNNAMED, confidence, reviewed)


def _by_field(cells: Iterable[WhiteCell], kinds: dict[str, str]) -> dict[tuple[str, str, int], list[WhiteCell]]:
    """Pictures are known by their files, since one that fails shifts the numbers of the others; frames by number."""
    found: dict[tuple[str, str, int], list[WhiteCell]] = {}
    for cell in cells:
        number = 0 if kinds[cell.source] == PICTURES else cell.field
        found.setdefault((cell.source, cell.picture, number), []).append(cell)
    return found


def _paired(first: Sequence[WhiteCell], second: Sequence[WhiteCell]) -> list[tuple[WhiteCell, WhiteCell]]:
    """Pairs by overlap, the greatest first; equal boxes therefore always meet."""
    overlaps = _overlaps(*(np.array([cell.box for cell in cells], np.float64) for cells in (first, second)))
    pairs = []
    while overlaps.size:
        i, j = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
        if overlaps[i, j] < SAME_CELL:
            break
        pairs.append((first[int(i)], second[int(j)]))
        overlaps[i, :], overlaps[:, j] = -1.0, -1.0
    return pairs


def _overlaps(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m) intersection over union of boxes (n, 4) and (m, 4), xyxy."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    whole = areas[0][:, None] + areas[1][None, :] - shared
    found: NDArray[np.float64] = shared / np.maximum(whole, 1e-9)
    return found
