"""Stratified assignment of blocks of pictures to splits; an existing split is kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.errors import DataError
from hemato_edge.labels import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hemato_training.data.formats.picture_set import Picture


def join(groups: Sequence[str], copies: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    """Blocks of indices: each group, merged with the groups that copies connect it to (union-find)."""
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


def deal(
    pictures: Sequence[Picture], blocks: Mapping[int, Sequence[int]], shares: Mapping[str, float], seed: int
) -> dict[int, str]:
    """Block → split: largest blocks first, each to where it most reduces the squared deficit of its classes.

    Raises:
        DataError: a split remains empty.
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


def keep_or_deal(
    pictures: Sequence[Picture], blocks: Mapping[int, Sequence[int]], shares: Mapping[str, float], seed: int
) -> dict[int, str]:
    """Block → split: the pictures' existing one; missing splits of `shares` are taken from the training pictures.

    Raises:
        DataError: the existing split omits pictures or divides a block, or as `deal`.
    """
    own = {picture.split for picture in pictures} - {""}
    if not own:
        return deal(pictures, blocks, {"train": 1 - sum(shares.values()), **shares}, seed)
    bare = [picture.name for picture in pictures if not picture.split]
    if bare:
        raise DataError(
            f"There is a split, but {len(bare)} pictures are in none of it, such as {bare[0]}.",
            "Add them to it, or assign everything anew with --force.",
        )
    kept = {}
    for block, members in blocks.items():
        held = {pictures[i].split: pictures[i].name for i in members}
        if len(held) > 1:
            told = " and ".join(f"{name} ({split})" for split, name in sorted(held.items()))
            raise DataError(
                f"The existing split leaks: {told} belong together.",
                "`hemato-edge data check` lists all; --force assigns everything anew.",
            )
        kept[block] = next(iter(held))
    lacking = {name: share for name, share in shares.items() if name not in own}
    if "train" not in own or not lacking:
        return kept
    pool = {block: blocks[block] for block, split in kept.items() if split == "train"}
    return {**kept, **deal(pictures, pool, {"train": 1 - sum(lacking.values()), **lacking}, seed)}


def _stratum(pictures: Sequence[Picture], members: Sequence[int]) -> Counter[str]:
    """Content of a block: cells by label; boxes by kind, and the number of pictures where no cell is classified."""
    held: Counter[str] = Counter()
    for i in members:
        picture = pictures[i]
        held["picture"] += 1
        held.update(cell.label for cell in picture.cells)
        if picture.boxes is not None:
            held.update(f"{KINDS[kind]} box" for kind in picture.boxes.kinds)
    return held
