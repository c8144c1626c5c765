from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from training.drawn_blood import draw_picture, write_index, write_voc

from hemato_edge.errors import DataError
from hemato_edge.labels import PLATELET, RBC, WBC
from hemato_training.data.cell_sets import load
from hemato_training.data.field_sets import load_fields
from hemato_training.data.formats.class_names import kind_named, label_named
from hemato_training.data.formats.folders import read_folder
from hemato_training.data.formats.reading import Reading

if TYPE_CHECKING:
    from pathlib import Path


def put(path: Path, seed: int = 0, label: str = "neutrophil") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), draw_picture(label, 100, 80, np.random.default_rng(seed))[0])


@pytest.mark.parametrize(
    ("spelling", "label"),
    [
        ("Neutrophils", "neutrophil"),
        ("SNE", "neutrophil"),
        ("BNE", "neutrophil"),
        ("band_neutrophil", "neutrophil"),
        ("EO", "eosinophil"),
        ("EOS", "eosinophil"),
        ("02_BASOPHIL", "basophil"),
        ("bas", "basophil"),
        ("LY", "lymphocyte"),
        ("Monocytes", "monocyte"),
        ("ig", "immature_granulocyte"),
        ("Immature Granulocytes", "immature_granulocyte"),
        ("PMY", "immature_granulocyte"),
        ("ERB", "erythroblast"),
        ("nRBCs", "erythroblast"),
        ("PLATELET", "platelet"),
        ("thrombocytes", "platelet"),
        ("segs", "neutrophil"),
        ("polys", "neutrophil"),
        ("PMN", "neutrophil"),
        ("lymphs", "lymphocyte"),
        ("metas", "immature_granulocyte"),
    ],
)
def test_many_spellings(spelling: str, label: str) -> None:
    assert label_named(spelling) == label


def test_an_unknown_class_is_refused_with_the_nearest() -> None:
    with pytest.raises(DataError, match="'neutrofil' \\(nearest: neutrophil\\)") as caught:
        label_named("neutrofil")
    assert "--ignore 'neutrofil'" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "kind", "label"),
    [
        ("WBC", WBC, ""),
        ("Platelets", PLATELET, ""),
        ("Red Blood Cell", RBC, ""),
        ("Eosinophil", WBC, "eosinophil"),
        ("erythroblast", WBC, "erythroblast"),
    ],
)
def test_kinds(name: str, kind: int, label: str) -> None:
    assert kind_named(name) == (kind, label)


def test_class_folders_with_splits_as_kaggle_has_them(tmp_path: Path) -> None:
    put(tmp_path / "images/TRAIN/EOSINOPHIL/_0_1.jpeg")
    put(tmp_path / "images/TEST/NEUTROPHIL/_1_2.jpeg")
    put(tmp_path / "__MACOSX/TRAIN/EOSINOPHIL/x.jpeg")
    found = read_folder(tmp_path)
    assert found.layout == "classes"
    assert [(p.name, p.split, p.cells[0].label) for p in found.pictures] == [
        ("images/TEST/NEUTROPHIL/_1_2.jpeg", "test", "neutrophil"),
        ("images/TRAIN/EOSINOPHIL/_0_1.jpeg", "train", "eosinophil"),
    ]


def test_all_unknown_class_folders_are_named_and_can_be_left_out(tmp_path: Path) -> None:
    for name in ("basophil", "blast", "smudge"):
        put(tmp_path / name / "1.png")
    with pytest.raises(DataError, match="'blast', 'smudge' are none"):
        read_folder(tmp_path)
    found = read_folder(tmp_path, Reading(ignore=("blast", "Smudge")))
    assert (len(found.pictures), found.ignored) == (1, 2)


def test_a_flat_folder_with_codes(tmp_path: Path) -> None:
    for name in ("BNE_1.jpg", "MMY_2.jpg", "PLATELET_3.jpg"):
        put(tmp_path / name)
    assert [p.cells[0].label for p in read_folder(tmp_path).pictures] == [
        "neutrophil",
        "immature_granulocyte",
        "platelet",
    ]


def test_voc_as_bccd_is_published(tmp_path: Path) -> None:
    for i, split in enumerate(("train", "val")):
        put(tmp_path / f"JPEGImages/b{i}.jpg", i)
        (tmp_path / "Annotations").mkdir(exist_ok=True)
        write_voc(tmp_path / f"Annotations/b{i}.xml", [("WBC", (1, 1, 9, 9)), ("RBC", (5, 5, 5, 9))])
        (tmp_path / "ImageSets/Main").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"ImageSets/Main/{split}.txt").write_text(f"b{i}\n")
    put(tmp_path / "JPEGImages/b2.jpg", 2)
    found = read_folder(tmp_path)
    assert found.layout == "voc"
    assert [p.split for p in found.pictures] == ["train", "val", ""]
    assert [p.fault for p in found.pictures] == ["", "", "it has no annotation"]
    assert found.pictures[0].boxes is not None
    assert found.pictures[0].boxes.degenerate == 1


def test_voc_with_cell_types_gives_cells_to_train_on(tmp_path: Path) -> None:
    put(tmp_path / "own/images/a.jpg")
    (tmp_path / "own/annotations").mkdir()
    write_voc(tmp_path / "own/annotations/a.xml", [("Monocyte", (1, 1, 9, 9)), ("RBC", (20, 20, 30, 30))])
    write_index(tmp_path / "own", ("image", "split", "group"), [("a.jpg", "train", "slide 1")])
    (record,) = load(tmp_path, ["own"])
    assert (record.label, record.box, record.group) == ("monocyte", (1, 1, 9, 9), "own/slide 1")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("data.yaml", "names: ['RBC', 'WBC']\n"),
        ("data.yaml", "names:\n  1: WBC\n  0: RBC\n"),
        ("labels/classes.txt", "RBC\nWBC\n"),
    ],
)
def test_yolo_names(tmp_path: Path, file: str, text: str) -> None:
    put(tmp_path / "images/train/a.jpg")
    (tmp_path / "labels/train").mkdir(parents=True)
    (tmp_path / "labels/train/a.txt").write_text("1 0.5 0.5 0.2 0.2\n0 0.1 0.1 0.1 0.1\n")
    (tmp_path / file).write_text(text)
    (picture,) = read_folder(tmp_path).pictures
    assert picture.boxes is not None
    assert picture.boxes.kinds.tolist() == [WBC, RBC]
    assert picture.boxes.xyxy[0].tolist() == pytest.approx([40, 32, 60, 48])
    assert picture.split == "train"


def test_an_index_with_boxes_and_several_cells_a_picture(tmp_path: Path) -> None:
    put(tmp_path / "own/f.png")
    header = ("image", "label", "split", "group", "x0", "y0", "x1", "y1")
    rows = [
        ("f.png", "NEUTROPHIL", "train", "g", "1", "2", "30", "40"),
        ("f.png", "LY", "train", "g", "50", "2", "80", "40"),
    ]
    write_index(tmp_path / "own", header, rows)
    assert [(r.label, r.box) for r in load(tmp_path, ["own"])] == [
        ("neutrophil", (1, 2, 30, 40)),
        ("lymphocyte", (50, 2, 80, 40)),
    ]
    with pytest.raises(DataError, match="no bounding boxes"):
        load_fields(tmp_path, ["own"])


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (("image", "label", "split"), ("a.png", "MO", "tset"), "unknown split 'tset'"),
        (("image", "label", "split"), ("../a.png", "MO", "train"), "lies outside"),
        (("image", "label", "split"), ("a.png", "mast cell", "train"), "'mast cell' is none"),
        (("image", "label", "x0", "y0", "x1", "y1"), ("a.png", "MO", "1", "", "", ""), "not four numbers"),
    ],
)
def test_a_broken_index(tmp_path: Path, header: tuple, row: tuple, message: str) -> None:
    write_index(tmp_path, header, [row])
    with pytest.raises(DataError, match=message) as caught:
        read_folder(tmp_path)
    assert caught.value.fix


def test_nothing_known_says_what_was_looked_for(tmp_path: Path) -> None:
    put(tmp_path / "1.png")
    with pytest.raises(DataError, match="1 pictures, in no layout") as caught:
        read_folder(tmp_path)
    assert "Pascal VOC" in caught.value.fix
    assert "a folder per class" in caught.value.fix


def test_a_directory_of_data_sets_is_not_one(drawn_data: Path) -> None:
    with pytest.raises(DataError, match="several data sets: bccd, pbc"):
        read_folder(drawn_data)


def test_a_folder_without_index_cannot_be_trained_on(tmp_path: Path) -> None:
    put(tmp_path / "own/BASOPHIL/1.png")
    with pytest.raises(DataError, match="no index.csv") as caught:
        load(tmp_path, ["own"])
    assert "data split" in caught.value.fix
