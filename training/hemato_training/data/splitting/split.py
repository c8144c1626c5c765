"""Splitting a data set into training, validation and test without leakage.

Pictures that must stay together are joined first: groups, exact copies, near copies, and pictures derived from one
original, transitively. The resulting blocks are then assigned to splits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_training.data.cell_sets import load
from hemato_training.data.field_sets import load_fields
from hemato_training.data.formats.folders import read_folder
from hemato_training.data.formats.index_csv import BOX_COLUMNS, INDEX, read_index, write_index
from hemato_training.data.formats.reading import Reading, keep_reading, kept_reading
from hemato_training.data.records import split_hash
from hemato_training.data.splitting.check import SplitContent, contents
from hemato_training.data.splitting.deal import deal, join, keep_or_deal
from hemato_training.data.splitting.duplicates import exact_copies, fingerprints, near_copies
from hemato_training.data.splitting.sisters import find_sisters, originals_of, pairs_of
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hemato_training.data.formats.picture_set import Picture, PictureSet
    from hemato_training.progress import Reporter

NO_GROUPS = "none"
BY_NAME = "name:"


@dataclass(frozen=True, slots=True)
class Division:
    """A written split.

    Attributes:
        index: the file.
        splits: content of each split.
        grouped_by: the column, pattern or "none" that defines the groups.
        blocks: number of blocks assigned.
        joined: number of pictures joined to another group as copies.
        split_sha256: its `records.split_hash`, also recorded in a model's card.
        cells: whether the hash is over classified cells, else over fields.
        kept: existing splits that were kept, except for parts taken from train.
        originals: estimated number of originals of an augmented set; None if it is not augmented.
    """

    index: Path
    splits: dict[str, SplitContent]
    grouped_by: str
    blocks: int
    joined: int
    split_sha256: str
    cells: bool
    kept: tuple[str, ...] = ()
    originals: int | None = None


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
    """Split a data set and write its `index.csv` for training.

    An existing split, from names of folders or lists, is kept: missing validation or test pictures are taken from its
    training pictures. An existing index keeps its rows and columns; only `split` changes, and `group` where copies were
    joined.

    Args:
        folder: the data set, in any layout of `picture_set.LAYOUTS`.
        shares: split → share of the pictures, without "train", which gets the rest.
        group_by: a column of the index, "name:REGEX" (the first bracket of its match in the picture's name), or "none";
            by default the group column of the index.
        seed: for the order in which blocks of equal size are assigned.
        force: whether an existing index and split may be replaced.
        reading: the user's choices for reading the folder; saved beside the index, for training.
        reporter: for progress.

    Raises:
        DataError: there is an index and `force` is not set, a picture is unusable, shares or groups leave a split
            empty, or the result would leak; nothing is written then.
    """
    reporter = reporter or Silent()
    _check_shares(shares)
    if (folder / INDEX).exists() and not force:
        raise DataError(f"There is an index already: {folder / INDEX}.", "--force replaces the split that it holds.")
    reading = (reading or Reading()).over(kept_reading(folder))
    found = read_folder(folder, reading)
    groups, grouped_by = _groups(found, group_by)
    copies, sisters = _copies(found, reporter)
    joined = len({j for i, j in copies if groups[i] != groups[j]})
    blocks = join(groups, copies)
    dealt = (
        deal(found.pictures, blocks, {"train": 1 - sum(shares.values()), **shares}, seed)
        if force
        else (keep_or_deal(found.pictures, blocks, shares, seed))
    )
    splits, group_of = {}, {}
    for block, members in blocks.items():
        first = found.pictures[members[0]]
        for i in members:
            splits[found.pictures[i].name] = dealt[block]
            group_of[found.pictures[i].name] = first.group or first.name
    divided = found.with_splits(splits)
    keep = not joined and grouped_by == (found.group_column or NO_GROUPS)
    index, digest, cells = _write_checked(folder, _rows(divided, group_of, keep_groups=keep), reading)
    kept = () if force else tuple(sorted({picture.split for picture in found.pictures} - {""}))
    originals = originals_of(len(found.pictures), sisters)
    return Division(index, contents(divided), grouped_by, len(blocks), joined, digest, cells, kept, originals)


def blocks_of(found: PictureSet, reporter: Reporter) -> dict[int, list[int]]:
    """Pictures that must stay in one split, by index: groups of the index, copies, and pictures of one original.

    Raises:
        DataError: a picture is unusable.
    """
    return join(_groups(found, None)[0], _copies(found, reporter)[0])


def _copies(found: PictureSet, reporter: Reporter) -> tuple[list[tuple[int, int]], list[list[int]]]:
    """Pairs of pictures that must stay together, and groups derived from one original.

    Raises:
        DataError: a picture is unusable.
    """
    paths = [picture.path for picture in found.pictures]
    prints = fingerprints(paths, reporter)
    for picture, print_ in zip(found.pictures, prints, strict=True):
        if fault := picture.fault or print_.fault:
            raise DataError(
                f"{found.folder / picture.name}: {fault.rstrip('.')}.",
                f"Mend or remove it; `hemato-edge data check {found.folder}` lists all.",
            )
    sisters = find_sisters(paths, reporter)
    exact = [(group[0], other) for group in exact_copies(prints) for other in group[1:]]
    near = [(pair.first, pair.second) for pair in near_copies(prints, reporter)]
    return [*exact, *near, *pairs_of(sisters)], sisters


def _check_shares(shares: Mapping[str, float]) -> None:
    if any(not 0 < share < 1 for share in shares.values()) or sum(shares.values()) >= 1:
        raise DataError(
            f"The shares {dict(shares)} leave nothing for training.", "Give --val 0.15, say, and --test 0.15."
        )


def _groups(found: PictureSet, group_by: str | None) -> tuple[list[str], str]:
    """The group of every picture, and its source."""
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


def _rows(found: PictureSet, group_of: Mapping[str, str], keep_groups: bool) -> list[dict[str, str]]:
    """Rows of the new index: those of the old one with new splits, or new ones."""
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
        if picture.boxes is not None:  # its content stays in the annotations
            rows.append(row)
            continue
        for cell in picture.cells:
            box = dict(zip(BOX_COLUMNS, map(str, cell.box or [""] * 4), strict=True)) if drawn else {}
            rows.append({"image": picture.name, "label": cell.label, **row, **box})
    return rows


def _write_checked(folder: Path, rows: list[dict[str, str]], reading: Reading) -> tuple[Path, str, bool]:
    """Write the index and read it as training will; if that fails, restore the old state."""
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
    """The hash of the split as training will read it (which checks for leakage); True if over classified cells."""
    data, name = folder.resolve().parent, folder.resolve().name
    found = read_folder(folder)
    if any(picture.cells for picture in found.pictures):
        return split_hash(load(data, [name])), True
    return split_hash(load_fields(data, [name])), False
