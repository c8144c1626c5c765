"""Dividing a data set into training, validation and test without a leak.

What must stay together is joined first: the pictures of one group, exact copies, and near copies, with all that each is
joined to in turn. The blocks are then dealt out, the largest first, each to the split that most lacks its classes.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.errors import DataError
from hemato_edge.labels import KINDS
from hemato_training.data.cell_sets import load, split_hash
from hemato_training.data.check import SplitContent, contents
from hemato_training.data.duplicates import exact_copies, fingerprints, near_copies
from hemato_training.data.field_sets import load_fields
from hemato_training.data.folders import read_folder
from hemato_training.data.index_csv import BOX_COLUMNS, INDEX, read_index, write_index
from hemato_training.data.reading import Reading, keep_reading, kept_reading
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hemato_training.data.picture_set import Picture, PictureSet
    from hemato_training.progress import Reporter

NO_GROUPS = "none"
BY_NAME = "name:"


@dataclass(frozen=True, slots=True)
class Division:
    """A split that was written.

    Attributes:
        index: the file.
        splits: what each split holds.
        grouped_by: the column, pattern or "none" that gave the groups.
        blocks: how many parts could be dealt out.
        joined: how many pictures copies joined to another group.
        split_sha256: what `datasets.split_hash` gives for it: a model's card names it.
        cells: whether the hash is over named cells, else over fields.
    """

    index: Path
    splits: dict[str, SplitContent]
    grouped_by: str
    blocks: int
    joined: int
    split_sha256: str
    cells: bool


def split_folder(
    folder: Path,
    shares: Mapping[str, float],
    *,
    group_by: str | None = None,
    seed: int = 1,
    force: bool = False,
    reading: Reading | None = None,
    reporter: Reporter | None = None,
) -> Division:
    """Divide a data set and write its `index.csv`, which training reads.

    An index that is there keeps its rows and columns; only `split` changes, and `group` where copies joined something.

    Args:
        folder: the data set, in any layout of `picture_set.LAYOUTS`.
        shares: split → share of the pictures, without "train", which takes the rest.
        group_by: a column of the index, "name:REGEX" (the first bracket of what it finds in the picture's name), or
            "none"; unless given, the column that the index has for it.
        seed: of the order in which blocks of one size are dealt out.
        force: whether an index may be replaced.
        reading: what a person says of the folder; it is kept in it beside the index, for training.
        reporter: who is told about progress.

    Raises:
        DataError: if an index is there and `force` is not set, a picture cannot be used, shares or groups leave a split
            empty, or the result would leak; nothing is written then.
    """
    reporter = reporter or Silent()
    _check_shares(shares)
    if (folder / INDEX).exists() and not force:
        raise DataError(f"There is an index already: {folder / INDEX}.", "--force replaces the split that it holds.")
    reading = (reading or Reading()).over(kept_reading(folder))
    found = read_folder(folder, reading)
    groups, grouped_by = _groups(found, group_by)
    prints = fingerprints([picture.path for picture in found.pictures], reporter)
    for picture, print_ in zip(found.pictures, prints, strict=True):
        if fault := picture.fault or print_.fault:
            raise DataError(
                f"{folder / picture.name}: {fault}.", f"Mend or remove it; `hemato-edge data check {folder}` lists all."
            )
    copies = [(group[0], other) for group in exact_copies(prints) for other in group[1:]]
    copies += [(pair.first, pair.second) for pair in near_copies(prints, reporter)]
    joined = sum(groups[i] != groups[j] for i, j in copies)
    blocks = _join(groups, copies)
    dealt = _deal(found.pictures, blocks, {"train": 1 - sum(shares.values()), **shares}, seed)
    names = {
        block: found.pictures[members[0]].group or found.pictures[members[0]].name for block, members in blocks.items()
    }
    splits, group_of = {}, {}
    for block, members in blocks.items():
        for i in members:
            splits[found.pictures[i].name] = dealt[block]
            group_of[found.pictures[i].name] = names[block]
    divided = found.with_splits(splits)
    keep = not joined and grouped_by == (found.group_column or NO_GROUPS)
    index, digest, cells = _write_checked(folder, _rows(divided, group_of, keep_groups=keep), reading)
    return Division(index, contents(divided), grouped_by, len(blocks), joined, digest, cells)


def _check_shares(shares: Mapping[str, float]) -> None:
    if any(not 0 < share < 1 for share in shares.values()) or sum(shares.values()) >= 1:
        raise DataError(
            f"The shares {dict(shares)} leave nothing for training.", "Give --val 0.15, say, and --test 0.15."
        )


def _groups(found: PictureSet, group_by: str | None) -> tuple[list[str], str]:
    """The group of every picture, and where it comes from."""
    alone = [f"picture {picture.name}" for picture in found.pictures]
    if group_by is None:
        given = [picture.group or one for picture, one in zip(found.pictures, alone, strict=True)]
        return given, found.group_column or NO_GROUPS
    if group_by == NO_GROUPS:
        return alone, NO_GROUPS
    if group_by.startswith(BY_NAME):
        return [_group_in_name(picture, group_by[len(BY_NAME) :]) for picture in found.pictures], group_by
    rows = read_index(found.folder, {"image"}) if (found.folder / INDEX).is_file() else []
    columns = list(rows[0]) if rows else []
    if group_by not in columns:
        there = f"The index has the columns {', '.join(columns)}." if columns else f"There is no {INDEX}."
        raise DataError(
            f"There is no column {group_by!r} to group by.", f"{there} Or group by --group-by '{BY_NAME}REGEX'."
        )
    column = {row["image"]: row[group_by] for row in rows}
    return [column.get(p.name, "") or one for p, one in zip(found.pictures, alone, strict=True)], group_by


def _group_in_name(picture: Picture, pattern: str) -> str:
    try:
        found = re.search(pattern, picture.name)
    except re.error as error:
        raise DataError(
            f"{pattern!r} is no regular expression: {error}.", f"Try --group-by '{BY_NAME}([^/_]+)_'."
        ) from error
    if found is None or found.re.groups != 1 or found.group(1) is None:
        raise DataError(
            f"The pattern {pattern!r} finds no group in {picture.name!r}.",
            "It needs one pair of brackets around the part of the name that pictures of one group share.",
        )
    return found.group(1)


def _join(groups: Sequence[str], copies: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    """Blocks of indices: those of one group, and groups that a copy joins (union-find)."""
    root = list(range(len(groups)))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    first: dict[str, int] = {}
    for i, group in enumerate(groups):
        root[find(i)] = find(first.setdefault(group, i))
    for i, j in copies:
        root[find(j)] = find(i)
    blocks: dict[int, list[int]] = defaultdict(list)
    for i in range(len(groups)):
        blocks[find(i)].append(i)
    return dict(blocks)


def _deal(
    pictures: Sequence[Picture], blocks: Mapping[int, Sequence[int]], shares: Mapping[str, float], seed: int
) -> dict[int, str]:
    """Block → split: the largest blocks first, each to where the squared lack of its classes shrinks most.

    Raises:
        DataError: if a split stays empty.
    """
    contents_of = {block: _stratum(pictures, members) for block, members in blocks.items()}
    strata = sorted({name for content in contents_of.values() for name in content})
    names = list(shares)
    held = np.zeros((len(names), len(strata)))
    counts = {b: np.array([c[name] for name in strata], float) for b, c in contents_of.items()}
    total = np.sum(list(counts.values()), axis=0)
    wanted = np.array([shares[name] for name in names])[:, None] * total
    order = list(blocks)
    np.random.default_rng(seed).shuffle(order)
    order.sort(key=lambda block: -len(blocks[block]))  # stable: blocks of one size stay shuffled
    dealt = {}
    for block in order:
        # as shares of each class, so that a rare class weighs as much as a frequent one
        lack = (wanted - held) / total
        gain = (lack * (counts[block] / total)).sum(axis=1) / np.array([shares[name] for name in names])
        chosen = int(np.argmax(gain))
        dealt[block] = names[chosen]
        held[chosen] += counts[block]
    empty = set(names) - set(dealt.values())
    if empty:
        raise DataError(
            f"{len(blocks)} groups cannot be divided so that {', '.join(sorted(empty))} gets any.",
            "Give a larger share, more groups, or --group-by none where pictures do not belong together.",
        )
    return dealt


def _stratum(pictures: Sequence[Picture], members: Sequence[int]) -> Counter[str]:
    """What the pictures of a block hold: cells by label; boxes by kind and the bare number where no cell is named."""
    held: Counter[str] = Counter()
    for i in members:
        picture = pictures[i]
        held["picture"] += 1
        held.update(cell.label for cell in picture.cells)
        if picture.boxes is not None:
            held.update(f"{KINDS[kind]} box" for kind in picture.boxes.kinds)
    return held


def _rows(found: PictureSet, group_of: Mapping[str, str], keep_groups: bool) -> list[dict[str, str]]:
    """The rows of the new index: those of the old with another split, or new ones."""
    index = found.folder / INDEX
    splits = {picture.name: picture.split for picture in found.pictures}
    if index.is_file():
        old = [row for row in read_index(found.folder, {"image"}) if row["image"] in splits]
        new = [{**row, "split": splits[row["image"]]} for row in old]
        return new if keep_groups else [{**row, "group": group_of[row["image"]]} for row in new]
    rows = []
    drawn = any(cell.box for picture in found.pictures for cell in picture.cells)
    for picture in found.pictures:
        row = {"image": picture.name, "split": picture.split, "group": group_of[picture.name]}
        if picture.boxes is not None:  # the annotations go on saying what is in it
            rows.append(row)
            continue
        for cell in picture.cells:
            box = dict(zip(BOX_COLUMNS, map(str, cell.box or [""] * 4), strict=True)) if drawn else {}
            rows.append({"image": picture.name, "label": cell.label, **row, **box})
    return rows


def _write_checked(folder: Path, rows: list[dict[str, str]], reading: Reading) -> tuple[Path, str, bool]:
    """Write the index and read it as training will; where that refuses it, the old state comes back."""
    path = folder / INDEX
    before, kept = path.read_bytes() if path.is_file() else None, kept_reading(folder)
    index = write_index(folder, rows)
    try:
        keep_reading(folder, reading)
        return index, *_hash(folder)
    except DataError:
        keep_reading(folder, kept)
        if before is None:
            index.unlink()
        else:
            index.write_bytes(before)
        raise


def _hash(folder: Path) -> tuple[str, bool]:
    """The hash of the split as training will read it, which also refuses a leak; True where it is over named cells."""
    data, name = folder.resolve().parent, folder.resolve().name
    found = read_folder(folder)
    if any(picture.cells for picture in found.pictures):
        return split_hash(load(data, [name])), True
    return split_hash(load_fields(data, [name])), False
