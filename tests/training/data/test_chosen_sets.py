from __future__ import annotations

from typing import TYPE_CHECKING

from training.drawn_blood import write_index

from hemato_training.data.chosen_sets import chosen_sets

if TYPE_CHECKING:
    from pathlib import Path


def make(data: Path, *names: str) -> None:
    for name in names:
        (data / name).mkdir()
        write_index(data / name, ("image", "label", "split"), [])


def test_published_sets_come_first(tmp_path: Path) -> None:
    make(tmp_path, "pbc", "bccd", "mine")
    assert chosen_sets(tmp_path) == (tmp_path, ("pbc", "bccd"))
    assert chosen_sets(tmp_path, ["mine"]) == (tmp_path, ("mine",))


def test_ones_own_sets_where_no_other_is_there(tmp_path: Path) -> None:
    make(tmp_path, "honest", "mine", "moticam")
    (tmp_path / "runs").mkdir()
    assert chosen_sets(tmp_path) == (tmp_path, ("honest", "mine"))


def test_a_data_set_itself(tmp_path: Path) -> None:
    make(tmp_path, "honest")
    assert chosen_sets(tmp_path / "honest") == (tmp_path, ("honest",))


def test_an_empty_directory_asks_for_the_published_ones(tmp_path: Path) -> None:
    assert chosen_sets(tmp_path) == (tmp_path, ("pbc", "bccd"))
