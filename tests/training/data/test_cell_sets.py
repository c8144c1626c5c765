from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from training.drawn_blood import draw_bccd, draw_data, read_rows, write_index, write_voc

from hemato_edge.errors import ConfigurationError, DataError
from hemato_training.data.cell_sets import load
from hemato_training.data.records import by_laboratory, in_split, split_hash, thin
from hemato_training.runs.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def own_data(tmp_path: Path) -> Path:
    return draw_data(tmp_path / "data", train=2, val=1)


def rewrite(folder: Path, change) -> None:
    header, *rows = read_rows(folder)
    write_index(folder, tuple(header), [tuple(change(row)) for row in rows])


def test_reads_both_layouts(drawn_data: Path) -> None:
    records = load(drawn_data)
    own = by_laboratory(records)
    assert {name: len(rows) for name, rows in own.items()} == {"pbc": 64, "bccd": 32}
    assert all(r.box is None for r in own["pbc"])
    assert {r.label for r in own["bccd"]} == {"neutrophil", "eosinophil", "lymphocyte", "monocyte"}
    # the second, degenerate box of each drawn annotation does not count
    assert all(r.box is not None and r.box[2] - r.box[0] > 20 for r in own["bccd"])
    assert len(in_split(records, "train")) == 72


@pytest.mark.parametrize(
    ("subtypes", "boxes", "kept"),
    [
        ("NEUTROPHIL", [("WBC", (10, 10, 40, 40))], True),
        ("NEUTROPHIL", [("WBC", (10, 10, 40, 40)), ("RBC", (60, 60, 90, 90))], True),
        # two cells, one name: which is which is unknown
        ("NEUTROPHIL", [("WBC", (10, 10, 40, 40)), ("WBC", (60, 60, 90, 90))], False),
        ("NEUTROPHIL|MONOCYTE", [("WBC", (10, 10, 40, 40))], False),
        ("", [("WBC", (10, 10, 40, 40))], False),
        ("NEUTROPHIL", [("WBC", (10, 10, 40, 10))], False),
        ("NEUTROPHIL", [], False),
    ],
)
def test_bccd_takes_only_what_is_certain(tmp_path: Path, subtypes: str, boxes: list, kept: bool) -> None:
    folder = tmp_path / "bccd"
    draw_bccd(folder, 1, 1, np.random.default_rng(0))
    header, first, *rest = read_rows(folder)
    first[3] = subtypes
    write_index(folder, tuple(header), [tuple(first), *map(tuple, rest)])
    write_voc(folder / "annotations" / f"{first[0].split('.')[0]}.xml", boxes)
    from hemato_training.data.cell_sets import read_bccd

    assert (first[0] in {r.key for r in read_bccd(folder)}) is kept


def test_a_group_in_two_splits_is_refused(own_data: Path) -> None:
    rewrite(own_data / "bccd", lambda row: [row[0], "7", *row[2:]])
    with pytest.raises(DataError, match="belong to one group, bccd/field 7") as caught:
        load(own_data)
    assert "index.csv" in caught.value.fix


def test_the_same_picture_in_two_splits_is_refused(own_data: Path) -> None:
    folder = own_data / "pbc" / "basophil"
    shutil.copy(folder / "BAS_0.png", folder / "BAS_2.png")
    with pytest.raises(DataError, match="are the same picture"):
        load(own_data)


def test_the_same_picture_twice_in_one_split_is_no_leak(own_data: Path) -> None:
    folder = own_data / "pbc" / "basophil"
    shutil.copy(folder / "BAS_0.png", folder / "BAS_1.png")
    load(own_data)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda d: shutil.rmtree(d), "no data directory"),
        (lambda d: shutil.rmtree(d / "pbc"), "no readable index"),
        (lambda d: (d / "bccd" / "index.csv").unlink(), "no readable index"),
        (lambda d: (d / "pbc" / "basophil" / "BAS_0.png").unlink(), "not there"),
        (lambda d: (d / "bccd" / "annotations" / "Blood_0_0.xml").write_text("<annot"), "cannot be read"),
        (lambda d: rewrite(d / "pbc", lambda row: [row[0], "leucocyte", *row[2:]]), "unknown label 'leucocyte'"),
        (lambda d: rewrite(d / "pbc", lambda row: [*row[:3], "tset"]), "unknown split 'tset'"),
        (lambda d: write_index(d / "pbc", ("image", "name"), [("a", "b")]), "no column label, split"),
        (lambda d: write_index(d / "pbc", ("image", "label", "split"), []), "no usable cell"),
    ],
)
def test_broken_data_is_an_error_with_a_next_step(own_data: Path, break_it, message: str) -> None:
    break_it(own_data)
    with pytest.raises(DataError, match=message) as caught:
        load(own_data)
    assert caught.value.fix


def test_unknown_laboratory(own_data: Path) -> None:
    with pytest.raises(DataError, match="no data set .nowhere."):
        load(own_data, ["nowhere"])


def test_split_hash_follows_the_split_and_nothing_else(drawn_data: Path) -> None:
    records = load(drawn_data)
    assert split_hash(records) == split_hash(records[::-1])
    from dataclasses import replace

    moved = [replace(records[0], split="val"), *records[1:]]
    assert split_hash(moved) != split_hash(records)


def test_thin_keeps_every_stratum(drawn_data: Path) -> None:
    records = load(drawn_data)
    strata = {(r.laboratory, r.label, r.split) for r in records}
    assert len(thin(records, 1)) == len(strata)


def test_real_data(shared_data: Path) -> None:
    own = by_laboratory(load(shared_data))
    assert len(own["pbc"]) == 7314
    assert len(in_split(own["bccd"], "val")) == 74


def write_rows(path: Path, rows: list[tuple[str, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")


def raabin(folder: Path) -> None:
    """Both halves of the Raabin data: typed single cells of three slides, and two fields that the experts named."""
    rows = [
        ("image", "label", "slide", "field", "split"),
        ("a.jpg", "neutrophil", "1", "11", "train"),
        ("b.jpg", "monocyte", "2", "21", "val"),
        ("c.jpg", "basophil", "3", "31", "train"),
        ("d.jpg", "basophil", "3", "32", "val"),
    ]
    write_rows(folder / "raabin_typed" / "index.csv", rows)
    experts = [("image", "expert_label"), ("one.png", "eosinophil"), ("two.png", "monocyte")]
    write_rows(folder / "raabin_typed" / "raabin_fields_expert_labels.csv", experts)
    write_rows(folder / "raabin_fields" / "index.csv", [("image", "split"), ("one.png", "train"), ("two.png", "val")])
    boxes = {"one": "0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.1 0.1\n", "two": "0 0.5 0.5 0.2 0.2\n0 0.2 0.2 0.1 0.1\n"}
    for i, (name, text) in enumerate(boxes.items()):
        write_rows(folder / "raabin_fields" / "labels" / f"{name}.txt", [(text.rstrip(),)])
        picture = folder / "raabin_fields" / "images" / f"{name}.png"
        picture.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(picture), np.full((100, 100, 3), i, np.uint8))
    for name in "abcd":
        (folder / "raabin_typed" / f"{name}.jpg").write_bytes(name.encode())


def test_slides_are_groups_where_the_index_does_not_divide_them(tmp_path: Path) -> None:
    raabin(tmp_path)
    groups = {r.key: r.group for r in load(tmp_path, ("raabin_typed",))}
    assert groups == {
        "a.jpg": "raabin_typed/1",
        "b.jpg": "raabin_typed/2",
        "c.jpg": "raabin_typed/3/31",
        "d.jpg": "raabin_typed/3/32",
    }


def test_fields_take_the_experts_types_where_one_cell_is_drawn(tmp_path: Path) -> None:
    raabin(tmp_path)
    (record,) = load(tmp_path, ("raabin_fields",))
    assert (record.key, record.label, record.split) == ("one.png", "eosinophil", "train")
    assert record.box == pytest.approx((40, 40, 60, 60))
    (tmp_path / "raabin_typed" / "raabin_fields_expert_labels.csv").unlink()
    with pytest.raises(DataError, match="experts' types are missing"):
        load(tmp_path, ("raabin_fields",))


def test_a_set_to_choose_by_needs_no_split_and_is_never_trained_on(tmp_path: Path) -> None:
    write_rows(tmp_path / "isfahan" / "index.csv", [("image", "label"), ("x.jpg", "monocyte")])
    (tmp_path / "isfahan" / "x.jpg").write_bytes(b"x")
    assert [r.split for r in load(tmp_path, ("isfahan",))] == ["val"]
    with pytest.raises(ConfigurationError, match="never trained on"):
        Settings(data=tmp_path, out=tmp_path, laboratories=("isfahan",))
