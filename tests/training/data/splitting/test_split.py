from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from training.drawn_blood import draw_bccd, draw_pbc, read_rows, write_index

from hemato_edge.errors import DataError
from hemato_training.data.cell_sets import load
from hemato_training.data.field_sets import load_fields
from hemato_training.data.records import by_laboratory, split_hash
from hemato_training.data.splitting.check import check
from hemato_training.data.splitting.split import split_folder

CLASSES = ("basophil", "monocyte", "neutrophil")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    draw_pbc(folder / "own", 8, 2, np.random.default_rng(5))
    (folder / "own" / "index.csv").unlink()
    for one in (folder / "own").iterdir():
        if one.name not in CLASSES:
            shutil.rmtree(one)
    draw_bccd(folder / "bccd", 4, 2, np.random.default_rng(6))
    return folder


@pytest.fixture
def own(drawn: Path, tmp_path: Path) -> Path:
    """Three classes, a folder each, ten pictures a class, no index."""
    return Path(shutil.copytree(drawn / "own", tmp_path / "data" / "own"))


@pytest.fixture
def data(drawn: Path, tmp_path: Path) -> Path:
    """A directory with `bccd`: 24 fields of 24 groups, boxes and subtypes."""
    return Path(shutil.copytree(drawn, tmp_path / "data"))


def test_what_is_split_can_be_loaded_and_its_hash_is_the_cards(own: Path) -> None:
    division = split_folder(own, {"val": 0.2, "test": 0.1})
    records = load(own.parent, ["own"])
    assert division.split_sha256 == split_hash(records)
    assert by_laboratory(records).keys() == {"own"}
    assert {r.label for r in records} == set(CLASSES)
    for label in CLASSES:
        held = [r.split for r in records if r.label == label]
        assert [held.count(split) for split in ("train", "val", "test")] == [7, 2, 1]
    assert check(own).errors == 0


def test_the_same_seed_gives_the_same_split(own: Path) -> None:
    first = split_folder(own, {"val": 0.2}).split_sha256
    assert split_folder(own, {"val": 0.2}, force=True).split_sha256 == first
    assert split_folder(own, {"val": 0.2}, seed=2, force=True).split_sha256 != first


def test_an_index_is_replaced_only_by_force(own: Path) -> None:
    split_folder(own, {"val": 0.2})
    before = (own / "index.csv").read_bytes()
    with pytest.raises(DataError, match="an index already") as caught:
        split_folder(own, {"val": 0.3})
    assert "--force" in caught.value.fix
    assert (own / "index.csv").read_bytes() == before


def test_copies_stay_together(own: Path) -> None:
    source = cv2.imread(str(own / "basophil/BAS_0.png"))
    for i in range(6):
        cv2.imwrite(str(own / f"basophil/near{i}.png"), source[:, ::-1] if i % 2 else source[i : 150 - i, i : 150 - i])
    shutil.copy(own / "basophil/BAS_0.png", own / "basophil/exact.png")
    for seed in range(4):
        division = split_folder(own, {"val": 0.3}, seed=seed, force=True)
        assert division.blocks == 10 * len(CLASSES)
        rows = read_rows(own)
        where = {row[2] for row in rows[1:] if "near" in row[0] or row[0].endswith(("exact.png", "BAS_0.png"))}
        assert len(where) == 1


def test_groups_by_name(own: Path) -> None:
    for path in sorted(own.glob("*/*.png")):
        path.rename(path.with_name(f"p{int(path.stem[-1]) % 5}_{path.name}"))
    division = split_folder(own, {"val": 0.2}, group_by=r"name:/(p\d)_")
    assert division.blocks == 5
    rows = [dict(zip(read_rows(own)[0], row, strict=True)) for row in read_rows(own)[1:]]
    patients = {
        split: {row["image"].split("/")[1][:2] for row in rows if row["split"] == split} for split in ("train", "val")
    }
    assert not patients["train"] & patients["val"]


def test_an_index_of_fields_keeps_its_columns(data: Path) -> None:
    header, *rows = read_rows(data / "bccd")
    write_index(data / "bccd", tuple(header), [(row[0], str(i // 2), "train", *row[3:]) for i, row in enumerate(rows)])
    division = split_folder(data / "bccd", {"val": 0.25}, force=True)
    assert (division.grouped_by, division.blocks) == ("field", 12)
    assert read_rows(data / "bccd")[0] == header
    assert len(load(data, ["bccd"])) == 24
    assert len(load_fields(data, ["bccd"])) == 24


def test_what_would_leak_is_taken_back(data: Path) -> None:
    """Splitting BCCD by picture tears its fields apart; its reader refuses that, and the old index comes back."""
    header, *rows = read_rows(data / "bccd")
    write_index(data / "bccd", tuple(header), [(row[0], "7", "train", *row[3:]) for row in rows])
    before = (data / "bccd" / "index.csv").read_bytes()
    with pytest.raises(DataError, match="belong to one group"):
        split_folder(data / "bccd", {"val": 0.25}, group_by="none", force=True)
    assert (data / "bccd" / "index.csv").read_bytes() == before


def test_a_corrupt_picture_is_refused(own: Path) -> None:
    (own / "basophil/BAS_0.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match="BAS_0.png: it is no picture") as caught:
        split_folder(own, {"val": 0.2})
    assert "data check" in caught.value.fix
    assert not (own / "index.csv").exists()


@pytest.mark.parametrize(
    ("shares", "group_by", "message"),
    [
        ({"val": 0.6, "test": 0.4}, None, "leave nothing for training"),
        ({"val": 0.0}, None, "leave nothing"),
        ({"val": 0.2}, "patient", "no column 'patient'"),
        ({"val": 0.2}, "name:(", "no regular expression"),
        ({"val": 0.2}, "name:zzz(.)", "finds no group"),
        ({"val": 0.2}, "name:(png)", "cannot be divided"),
    ],
)
def test_what_cannot_be_split(own: Path, shares: dict, group_by: str | None, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        split_folder(own, shares, group_by=group_by)
    assert caught.value.fix
    assert not (own / "index.csv").exists()


def test_a_name_that_a_table_cannot_hold_is_named(own: Path) -> None:
    picture = next(own.glob("neutrophil/*"))
    picture.rename(picture.with_name("M\udcfcller.jpg"))
    with pytest.raises(DataError, match=r"M\\xfcller\.jpg .* is no UTF-8") as caught:
        split_folder(own, {"val": 0.2})
    assert caught.value.fix == "Rename it."
