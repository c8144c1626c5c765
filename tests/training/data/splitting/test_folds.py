"""Parts of a cross-validation: whole groups, each held out once, as even as they can be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("sklearn")

from hemato_edge.errors import ConfigurationError, DataError
from hemato_training.data.records import Record, in_split, refuse_leaks, split_hash
from hemato_training.data.splitting.folds import in_fold, parsed

LABELS = ("neutrophil", "monocyte")


def records(groups: int = 20, of: int = 3) -> list[Record]:
    """Groups of cells of one class each, dealt to train, val and test by an index."""
    made = []
    for g in range(groups):
        for c in range(of):
            split = "test" if g % 5 == 4 else "val" if g % 5 == 3 else "train"
            key = f"{g}-{c}"
            made.append(Record(Path(key), LABELS[g % 2], "own", f"own/{g}", split, key))
    return made


def test_each_group_is_held_out_once_and_test_cells_never() -> None:
    held = Counter()
    for part in range(1, 5):
        dealt = in_fold(records(), f"{part}/4", 1)
        assert {one.group for one in in_split(dealt, "val")}.isdisjoint(one.group for one in in_split(dealt, "train"))
        assert [one.key for one in in_split(dealt, "test")] == [one.key for one in in_split(records(), "test")]
        assert Counter(one.label for one in in_split(dealt, "val")) == {"neutrophil": 6, "monocyte": 6}
        held.update(one.key for one in in_split(dealt, "val"))
    assert set(held.values()) == {1}
    assert len(held) == sum(one.split != "test" for one in records())


def test_the_same_seed_deals_alike_and_another_does_not() -> None:
    assert split_hash(in_fold(records(), "2/4", 1)) == split_hash(in_fold(records(), "2/4", 1))
    assert split_hash(in_fold(records(), "2/4", 1)) != split_hash(in_fold(records(), "2/4", 2))


def test_no_leak_is_made(tmp_path: Path) -> None:
    real = []
    for one in records():
        path = tmp_path / one.key
        path.write_text(one.key)
        real.append(Record(path, one.label, one.laboratory, one.group, one.split, one.key))
    refuse_leaks(in_fold(real, "3/4", 7))


@pytest.mark.parametrize("fold", ["0/5", "6/5", "1/1", "1", "a/b", "-1/5"])
def test_what_is_no_part_is_refused(fold: str) -> None:
    with pytest.raises(ConfigurationError):
        parsed(fold)


def test_more_parts_than_groups_are_refused() -> None:
    with pytest.raises(DataError, match="16 groups cannot be dealt into 17 parts"):
        in_fold(records(), "1/17", 1)
